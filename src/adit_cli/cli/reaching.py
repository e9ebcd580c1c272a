"""Say whether nodes answer, by which ways, and what they offer."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from functools import partial

import typer

from adit_cli.cli.output import write
from adit_cli.cli.wording import duration
from adit_cli.counting import count
from adit_cli.errors import NodeError, Reason
from adit_cli.jobfile.dicomweb import DicomwebPeer
from adit_cli.jobfile.node import DimsePeer, FolderNode, NodeSpec, ServerNode
from adit_cli.nodes.dimse.contexts import (
    PATIENT_FIND,
    PATIENT_GET,
    PATIENT_MOVE,
    STUDY_FIND,
    STUDY_GET,
    STUDY_MOVE,
)
from adit_cli.nodes.dimse.echo import EchoReport, echo

SERVICES = {
    "C-FIND": (STUDY_FIND, PATIENT_FIND),
    "C-GET": (STUDY_GET, PATIENT_GET),
    "C-MOVE": (STUDY_MOVE, PATIENT_MOVE),
}
_DETAIL = "  "


def reach(name: str, node: NodeSpec, calling_ae_title: str) -> Iterator[str]:
    """Yield what a node says of itself, way by way; in the end NodeError where one does not answer."""
    match node:
        case FolderNode():
            yield _folder(name, node)
        case ServerNode():
            failed: list[NodeError] = []
            for way in _ways(name, node, calling_ae_title):
                try:
                    yield from way()
                except NodeError as error:
                    failed.append(error)
            if failed:
                raise _together(failed)


def _ways(name: str, node: ServerNode, calling_ae_title: str) -> Iterator[Callable[[], list[str]]]:
    if node.dimse is not None:
        yield partial(_dimse, name, node.dimse, calling_ae_title)
    if node.dicomweb is not None:
        yield partial(_dicomweb, name, node.dicomweb)


def _together(failed: list[NodeError]) -> NodeError:
    first = failed[0]
    said = " ".join(error.message for error in failed)
    return type(first)(said, hint=first.hint, reason=first.reason)


def _folder(name: str, node: FolderNode) -> str:
    if not os.access(node.folder, os.R_OK | os.X_OK):
        raise NodeError(f"{name}: folder {node.folder} cannot be read", reason=Reason.UNREACHABLE)
    return f"{name}: folder {node.folder}, {'writable' if os.access(node.folder, os.W_OK) else 'read-only'}"


def _dicomweb(name: str, peer: DicomwebPeer) -> list[str]:
    from adit_cli.nodes.dicomweb.echo import web_echo  # noqa: PLC0415 - loaded for those who have a service

    report = web_echo(name, peer)
    where = "" if report.url == name else f" ({report.url})"
    software = [f"{_DETAIL}{report.software}"] if report.software else []
    return [f"{name}{where} answers QIDO-RS in {_took(report.seconds)}", *software]


def _dimse(name: str, peer: DimsePeer, calling: str) -> list[str]:
    return list(_answer(echo(name, peer, calling), peer.calling_ae_title or calling))


def _answer(report: EchoReport, calling: str) -> Iterator[str]:
    inside = f", {report.tls}" if report.tls else ""
    yield f"{report.address} answers {calling} in {_took(report.seconds)}{inside}"
    version = report.implementation_version or "unnamed implementation"
    yield f"{_DETAIL}{version} {report.implementation_class_uid}"
    offered = [service for service, uids in SERVICES.items() if any(map(report.offers, uids))]
    lacking = [service for service in SERVICES if service not in offered]
    without = f"; not {', '.join(lacking)}" if lacking else ""
    yield f"{_DETAIL}offers {', '.join(['C-ECHO', *offered])}{without}"
    services = {uid for uids in SERVICES.values() for uid in uids}
    storage = {abstract for abstract, _ in report.accepted} - services
    yield f"{_DETAIL}takes {count(max(0, len(storage) - 1), 'kind')} of images of those asked for"
    yield f"{_DETAIL}{f'PDUs up to {report.max_length} bytes' if report.max_length else 'PDUs of any length'}"
    if report.is_relational:
        yield f"{_DETAIL}answers relational queries"
    if report.knows_user is not None:
        yield f"{_DETAIL}{'confirms' if report.knows_user else 'does not say that it knows'} our user"


def _took(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else duration(seconds)


def reach_all(nodes: Mapping[str, NodeSpec], calling_ae_title: str) -> bool:
    """Write one line for each way to a node; return whether all of them answer."""
    fine = True
    for name, node in nodes.items():
        try:
            for line in reach(name, node, calling_ae_title):
                if not line.startswith(_DETAIL):
                    write(line)
        except NodeError as error:
            fine = False
            typer.echo(f"{name}: {error.message}", err=True)
    return fine
