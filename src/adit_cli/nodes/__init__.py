"""Talk to things: servers and folders. A kind of node is chosen here and nowhere else.

Only the kind in use is loaded: whoever copies folders does not wait for a network library.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Self

from adit_cli.errors import NodeError
from adit_cli.jobfile.dicomweb import DicomwebPeer
from adit_cli.jobfile.node import DimsePeer, FolderNode, NodeSpec, ServerNode
from adit_cli.nodes.base import Destination, Source

if TYPE_CHECKING:
    from pathlib import Path

    from adit_cli.jobfile.receiver import Order
    from adit_cli.nodes.staging import Filing

UNPACKED = "unpacked"
"""Beside a job's index: where archives that lie in archives of its source wait while they are read."""


def open_source(
    name: str,
    spec: NodeSpec,
    calling_ae_title: str,
    receiver: Order | None = None,
    *,
    index: Path | None = None,
    aside: Path | None = None,
) -> Source:
    """Return a node as one that studies are found in and fetched from; C-MOVE needs the receiver.

    Archives that lie in archives of a folder wait in `aside` while they are read.
    """
    match spec:
        case FolderNode():
            from adit_cli.nodes.folder import FolderSource  # noqa: PLC0415 - see above
            from adit_cli.nodes.nested import Opening  # noqa: PLC0415 - as above

            password = spec.archive.secret if spec.archive else ""
            return FolderSource(name, spec.folder, index=index, opening=Opening(password, aside))
        case ServerNode(dimse=DimsePeer(), dicomweb=DicomwebPeer()):
            from adit_cli.nodes.ways import PreferringSource, Ways  # noqa: PLC0415 - as above

            ways = Ways(
                name,
                {
                    way: partial(open_source, name, one, calling_ae_title, receiver)
                    for way, one in _apart(spec)
                },
            )
            return PreferringSource(ways, spec.find, spec.retrieve)
        case ServerNode(dicomweb=DicomwebPeer() as peer):
            from adit_cli.nodes.dicomweb.source import DicomwebSource  # noqa: PLC0415 - as above

            return DicomwebSource(name, peer)
        case ServerNode(dimse=DimsePeer() as peer):
            from adit_cli.nodes.dimse.fetching import Means  # noqa: PLC0415 - as above
            from adit_cli.nodes.dimse.source import DimseSource  # noqa: PLC0415 - as above

            means = Means(spec.retrieve, receiver, peer.settle)
            return DimseSource(name, peer, calling_ae_title, spec.limits, means=means)
        case ServerNode():
            raise NodeError(
                f"{name} has no address", hint="give it dimse: AE_TITLE@host:port or dicomweb: URL"
            )


def open_destination(name: str, spec: NodeSpec, calling_ae_title: str) -> Destination:
    """Return a node as one that studies are delivered to."""
    match spec:
        case FolderNode():
            return _folder_destination(name, spec)
        case ServerNode(dimse=DimsePeer(), dicomweb=DicomwebPeer()):
            from adit_cli.nodes.ways import PreferringDestination, Ways  # noqa: PLC0415 - as above

            ways = Ways(
                name,
                {way: partial(open_destination, name, one, calling_ae_title) for way, one in _apart(spec)},
            )
            return PreferringDestination(ways, spec.store)
        case ServerNode(dicomweb=DicomwebPeer() as peer):
            from adit_cli.nodes.dicomweb.destination import DicomwebDestination  # noqa: PLC0415 - as above

            return DicomwebDestination(name, peer, spec.limits.associations)
        case ServerNode(dimse=DimsePeer() as peer):
            from adit_cli.nodes.dimse.destination import DimseDestination  # noqa: PLC0415 - as above

            transcode = spec.transcode == "allow"
            return DimseDestination(name, peer, calling_ae_title, spec.limits, transcode=transcode)
        case ServerNode():
            raise NodeError(
                f"{name} has no address", hint="give it dimse: AE_TITLE@host:port or dicomweb: URL"
            )


def require_programs(destinations: Iterable[NodeSpec]) -> None:
    """Raise NodeError where a destination needs a program that isn't there: no study would arrive."""
    for spec in destinations:
        if isinstance(spec, FolderNode):
            if spec.format == "nifti":
                from adit_cli.nodes import dcm2niix  # noqa: PLC0415 - as above

                dcm2niix.program()
            if spec.archive is not None and spec.archive.needs_program:
                from adit_cli.nodes import sevenzip  # noqa: PLC0415 - as above

                sevenzip.program()


def _folder_destination(name: str, spec: FolderNode) -> Destination:
    filing = _filing(name, spec)
    if spec.format == "nifti":
        from adit_cli.nodes.nifti import NiftiDestination  # noqa: PLC0415 - as above

        return NiftiDestination(name, spec.folder, spec.filing, filing)
    from adit_cli.nodes.folder import FolderDestination  # noqa: PLC0415 - as above

    return FolderDestination(name, spec.folder, spec.filing, filing)


def _filing(name: str, spec: FolderNode) -> Filing:
    if spec.archive is not None:
        from adit_cli.nodes.packing import ArchiveFiling  # noqa: PLC0415 - as above

        return ArchiveFiling(name, spec.folder, spec.archive, manifest=spec.manifest, dicomdir=spec.dicomdir)
    from adit_cli.nodes.tree import TreeFiling  # noqa: PLC0415 - as above

    return TreeFiling(
        name,
        spec.folder,
        manifest=spec.manifest,
        dicomdir=spec.dicomdir,
        one_by_one=spec.format == "nifti",
    )


def _apart(spec: ServerNode) -> list[tuple[str, ServerNode]]:
    """Return a server that has both protocols as two that have one each."""
    return [
        ("dimse", spec.model_copy(update={"dicomweb": None})),
        ("dicomweb", spec.model_copy(update={"dimse": None})),
    ]


class NodePool:
    """The nodes of a job, opened when first asked for and kept from task to task."""

    def __init__(
        self,
        nodes: Mapping[str, NodeSpec],
        calling_ae_title: str,
        receiver: Order | None = None,
        *,
        index: Path | None = None,
        aside: Path | None = None,
    ) -> None:
        self._nodes = nodes
        self._receiver = receiver
        self._index = index
        self._aside = aside or (index.with_name(UNPACKED) if index else None)
        self._calling_ae_title = calling_ae_title
        self._sources: dict[str, Source] = {}
        self._destinations: dict[str, Destination] = {}

    def source(self, name: str) -> Source:
        """Return the node with this name as a source."""
        if name not in self._sources:
            spec = self._nodes[name]
            self._sources[name] = open_source(
                name, spec, self._calling_ae_title, self._receiver, index=self._index, aside=self._aside
            )
        return self._sources[name]

    def destination(self, name: str) -> Destination:
        """Return the node with this name as a destination."""
        if name not in self._destinations:
            self._destinations[name] = open_destination(name, self._nodes[name], self._calling_ae_title)
        return self._destinations[name]

    def close(self) -> None:
        """Close what was opened; a second time does nothing."""
        for node in (*self._sources.values(), *self._destinations.values()):
            node.close()
        self._sources.clear()
        self._destinations.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
