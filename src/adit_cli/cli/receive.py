"""`adit receive`: be a storage server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from adit_cli.cli.loading import user_config
from adit_cli.cli.options import AetOption
from adit_cli.cli.receiving import ReceiveWatch
from adit_cli.cli.settings import new_app, settings
from adit_cli.errors import UsageError
from adit_cli.jobfile.tls import Certificate, ReceiverTls
from adit_cli.nodes.dimse.receiver import Reception, serve

EXAMPLES = (
    "adit receive --aet ADIT --port 11112 -o incoming/",
    "adit receive --port 11112 -o incoming/ --from CLINICAL --host 127.0.0.1",
    "adit receive --port 2762 -o incoming/ --tls-cert server.pem --tls-ca hospital-ca.pem",
)
app = new_app()
PortOption = Annotated[int, typer.Option("--port", "-p", min=0, max=65535, help="0 takes any free one.")]
HostOption = Annotated[str, typer.Option("--host", help="Address to listen on.  [default: all of them]")]
OutOption = Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Folder to file into.")]
CallerOption = Annotated[
    list[str] | None,
    typer.Option("--from", metavar="AET", help="Only this AE title may call; repeat it.  [default: anyone]"),
]
NoSyncOption = Annotated[
    bool, typer.Option("--no-sync", help="Accept before files are safe on the disk itself: faster, not safe.")
]
CertOption = Annotated[
    Path | None,
    typer.Option("--tls-cert", metavar="FILE", help="Speak only TLS, with this certificate (PEM)."),
]
CertKeyOption = Annotated[
    Path | None, typer.Option("--tls-key", metavar="FILE", help="Its key, if it is not in the same file.")
]
CertCaOption = Annotated[
    Path | None,
    typer.Option(
        "--tls-ca", metavar="FILE", help="Let in only callers with certificates of these CAs (PEM)."
    ),
]
MaxOption = Annotated[int, typer.Option("--max-associations", min=1, help="So many callers at once.")]


@app.command()
def receive(
    ctx: typer.Context,
    *,
    output: OutOption,
    aet: AetOption = "",
    port: PortOption = 11112,
    host: HostOption = "",
    caller: CallerOption = None,
    no_sync: NoSyncOption = False,
    max_associations: MaxOption = 20,
    tls_cert: CertOption = None,
    tls_key: CertKeyOption = None,
    tls_ca: CertCaOption = None,
) -> None:
    """Be a storage server (C-STORE): file what arrives as DIR/<StudyInstanceUID>/<SOPInstanceUID>.dcm.

    A sender hears "success" only when its file is whole and safe on the disk. An instance that is there
    already is never written over by another one. Ctrl-C ends it when open associations are done.
    """
    title = aet or user_config(ctx).calling_ae_title
    watch = ReceiveWatch(title, output, verbosity=settings(ctx).verbosity)
    reception = Reception(
        title,
        port,
        output,
        host,
        frozenset(caller or ()),
        max_associations,
        sync=not no_sync,
        tls=_tls(tls_cert, tls_key, tls_ca),
    )
    serve(reception, watch.show)
    watch.close()


def _tls(cert: Path | None, key: Path | None, ca: Path | None) -> ReceiverTls | None:
    if cert is not None:
        return ReceiverTls(cert=Certificate(file=cert, key=key), ca=ca)
    if key is not None or ca is not None:
        raise UsageError("--tls-key and --tls-ca need --tls-cert", hint="a TLS server has a certificate")
    return None
