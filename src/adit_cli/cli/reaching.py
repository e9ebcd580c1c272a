"""Say whether nodes answer, and what they offer."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

import typer

from adit_cli.cli.output import write
from adit_cli.cli.wording import count, duration
from adit_cli.errors import NodeError, Reason
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


def reach(name: str, node: NodeSpec, calling_ae_title: str) -> list[str]:
    """Return what a node says of itself; NodeError where it does not answer."""
    match node:
        case FolderNode():
            return [_folder(name, node)]
        case ServerNode(dimse=DimsePeer() as peer):
            return list(_answer(name, echo(name, peer, calling_ae_title), calling_ae_title))
        case ServerNode():
            raise NodeError(f"{name} has no DIMSE address to echo")


def _folder(name: str, node: FolderNode) -> str:
    if not os.access(node.folder, os.R_OK | os.X_OK):
        raise NodeError(f"{name}: folder {node.folder} cannot be read", reason=Reason.UNREACHABLE)
    return f"{name}: folder {node.folder}, {'writable' if os.access(node.folder, os.W_OK) else 'read-only'}"


def _answer(name: str, report: EchoReport, calling: str) -> Iterator[str]:
    took = f"{report.seconds * 1000:.0f} ms" if report.seconds < 1 else duration(report.seconds)
    where = "" if report.address == name else f" ({report.address})"
    yield f"{name}{where} answers {calling} in {took}"
    yield f"  {report.implementation_version or 'unnamed implementation'} {report.implementation_class_uid}"
    offered = [service for service, uids in SERVICES.items() if any(map(report.offers, uids))]
    lacking = [service for service in SERVICES if service not in offered]
    without = f"; not {', '.join(lacking)}" if lacking else ""
    yield f"  offers {', '.join(['C-ECHO', *offered])}{without}"
    services = {uid for uids in SERVICES.values() for uid in uids}
    storage = {abstract for abstract, _ in report.accepted} - services
    yield f"  takes {count(max(0, len(storage) - 1), 'kind')} of images of those asked for"
    yield f"  {f'PDUs up to {report.max_length} bytes' if report.max_length else 'PDUs of any length'}"


def reach_all(nodes: Mapping[str, NodeSpec], calling_ae_title: str) -> bool:
    """Write one line a node; return whether all of them answer."""
    fine = True
    for name, node in nodes.items():
        try:
            write(reach(name, node, calling_ae_title)[0])
        except NodeError as error:
            fine = False
            typer.echo(f"{name}: {error.message}", err=True)
    return fine
