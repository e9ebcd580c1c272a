"""`adit receive`: be the machine's storage server."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from adit_cli.cli.loading import known_nodes
from adit_cli.cli.options import AetOption
from adit_cli.cli.receiving import ReceiveWatch, callers, receiver_spec, reception_into
from adit_cli.cli.settings import new_app, settings
from adit_cli.engine.folders import state_folder
from adit_cli.errors import UsageError
from adit_cli.jobfile.receiver import Order
from adit_cli.jobfile.tls import Certificate, ReceiverTls
from adit_cli.nodes.dimse.receiver import serve
from adit_cli.nodes.dimse.resident import serve_inbox

EXAMPLES = (
    "adit receive",
    "adit receive --aet ADIT --port 11112 -o incoming/",
    'adit receive -o incoming/ --layout "{PatientID}/{SOPInstanceUID}.dcm" --accept "@10.1.0.0/16"',
    "adit receive --port 2762 -o incoming/ --tls-cert server.pem --tls-ca hospital-ca.pem",
)
app = new_app()
PortOption = Annotated[
    int | None,
    typer.Option("--port", "-p", min=0, max=65535, help="0 takes any free one.  [default: 11112]"),
]
HostOption = Annotated[
    str, typer.Option("--host", help="Address to listen on; :: is all, IPv6 too.  [default: all of IPv4]")
]
OutOption = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="DIR", help="File into this folder instead of serving jobs."),
]
LayoutOption = Annotated[
    str,
    typer.Option("--layout", metavar="TEMPLATE", help="Where in DIR a file goes: DICOM keywords in braces."),
]
AcceptOption = Annotated[
    list[str] | None,
    typer.Option(
        "--accept",
        metavar="CALLER",
        help="Who may call besides this machine and the config's servers: AET, AET@host, @host, "
        "@10.1.0.0/16, or * for anyone; repeat it.",
    ),
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
MaxOption = Annotated[
    int | None,
    typer.Option("--max-associations", min=1, max=500, help="So many callers at once.  [default: 64]"),
]


@app.command()
def receive(
    ctx: typer.Context,
    *,
    output: OutOption = None,
    layout: LayoutOption = "",
    aet: AetOption = "",
    port: PortOption = None,
    host: HostOption = "",
    accept: AcceptOption = None,
    no_sync: NoSyncOption = False,
    max_associations: MaxOption = None,
    tls_cert: CertOption = None,
    tls_key: CertKeyOption = None,
    tls_ca: CertCaOption = None,
) -> None:
    """Be a storage server (C-STORE), as `receiver` in your config says and these options change it.

    Without -o it serves every job of this machine that fetches by C-MOVE, and takes only what a job waits
    for, which asks again for what did not arrive.

    With -o it files all that arrives as DIR/<StudyInstanceUID>/<SOPInstanceUID>.dcm, or by the layout. A
    sender hears "success" only when its file is whole and safe on the disk. An instance that is there
    already is never written over by another one.

    Ctrl-C and SIGTERM end it when open associations are done.
    """
    config = known_nodes(ctx)
    spec = receiver_spec(
        config.receiver, host, port, accept or (), max_associations, _tls(tls_cert, tls_key, tls_ca)
    )
    inbox = state_folder(settings(ctx).state_dir, os.environ).inbox
    title = aet or config.receiver.ae_title or config.calling_ae_title
    order = Order(inbox, title, spec, tuple(callers(config.nodes)))
    with ReceiveWatch(order.ae_title, output, verbosity=settings(ctx).verbosity) as watch:
        if output is not None:
            serve(reception_into(order, output, layout, sync=not no_sync), watch.show)
        elif layout or no_sync:
            raise UsageError("--layout and --no-sync need -o DIR", hint="jobs file what arrives themselves")
        else:
            serve_inbox(order, watch.show)


def _tls(cert: Path | None, key: Path | None, ca: Path | None) -> ReceiverTls | None:
    if cert is not None:
        return ReceiverTls(cert=Certificate(file=cert, key=key), ca=ca)
    if key is not None or ca is not None:
        raise UsageError("--tls-key and --tls-ca need --tls-cert", hint="a TLS server has a certificate")
    return None
