"""An authority of our own and certificates signed by it, made by the openssl program for one test run."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from tests.support.process import LOOPBACK, run


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority in a folder."""

    folder: Path

    @property
    def ca(self) -> Path:
        """Its own certificate."""
        return self.folder / "ca.pem"

    def certificate(self, name: str, *, host: str = LOOPBACK, expired: bool = False) -> Path:
        """Return a PEM file with a key and a certificate for a host."""
        key, request, signed = (self.folder / f"{name}.{kind}" for kind in ("key", "csr", "crt"))
        kind = "IP" if host == LOOPBACK else "DNS"
        extensions = self.folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={kind}:{host}\n")
        new = ["-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", request]
        run(["openssl", "req", "-new", *new, "-subj", f"/CN={name}"])
        dates = (
            ["-startdate", "20200101000000Z", "-enddate", "20200102000000Z"] if expired else ["-days", "2"]
        )
        run(["openssl", "ca", "-batch", "-config", self._config(), "-in", request, "-out", signed,
             "-extfile", extensions, "-notext", *dates])  # fmt: skip
        pem = self.folder / f"{name}.pem"
        pem.write_text(key.read_text() + signed.read_text())
        return pem

    def _config(self) -> Path:
        return self.folder / "ca.cnf"


def authority(folder: Path) -> Authority:
    """Make an authority in an empty folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "index.txt").touch()
    (folder / "serial").write_text("01\n")
    (folder / "ca.cnf").write_text(
        f"[ca]\ndefault_ca=own\n[own]\ndatabase={folder}/index.txt\nserial={folder}/serial\n"
        f"new_certs_dir={folder}\ncertificate={folder}/ca.pem\nprivate_key={folder}/ca.key\n"
        "default_md=sha256\npolicy=any\nunique_subject=no\n[any]\ncommonName=supplied\n"
    )
    new = ["-newkey", "rsa:2048", "-nodes", "-keyout", folder / "ca.key", "-out", folder / "ca.pem"]
    run(["openssl", "req", "-x509", "-days", "2", *new, "-subj", "/CN=Test authority"])
    return Authority(folder)


def server_context(pem: Path, *, clients_of: Authority | None = None) -> ssl.SSLContext:
    """Return the context of a server with this certificate; with `clients_of`, one that asks for theirs."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    if clients_of is not None:
        context.load_verify_locations(clients_of.ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context
