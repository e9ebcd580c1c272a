"""Which presentation contexts are proposed for what (PS3.8 §7.1.1.13): never more than 128 at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TypeAlias

from adit_cli.nodes.dimse.pdu import MAX_CONTEXTS, Proposed
from adit_cli.nodes.dimse.userinfo import Role

Context: TypeAlias = tuple[str, tuple[str, ...]]
"""An abstract syntax and the transfer syntaxes offered for it."""

VERIFICATION = "1.2.840.10008.1.1"
PATIENT_FIND, PATIENT_MOVE, PATIENT_GET = (f"1.2.840.10008.5.1.4.1.2.1.{n}" for n in (1, 2, 3))
STUDY_FIND, STUDY_MOVE, STUDY_GET = (f"1.2.840.10008.5.1.4.1.2.2.{n}" for n in (1, 2, 3))
IMPLICIT, EXPLICIT, DEFLATED = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99"
UNCOMPRESSED = (EXPLICIT, IMPLICIT)
COMPRESSED = tuple(
    f"1.2.840.10008.1.2.{suffix}"
    for suffix in (
        "4.70", "4.57", "4.90", "4.91", "4.80", "4.81", "4.50", "4.51", "5", "4.201", "4.202", "4.203",
    )
)  # fmt: skip
VIDEO = tuple(f"1.2.840.10008.1.2.4.{n}" for n in (100, 101, 102, 103, 107, 108))

_STORAGE_ROOT = "1.2.840.10008.5.1.4.1.1."
_STANDARD_ROOT = "1.2.840.10008."
_STORAGE_ELSEWHERE = tuple(
    f"{_STANDARD_ROOT}5.1.4.{suffix}" for suffix in ("34.", "43.1", "44.1", "45.1", "1.1.200.")
)
_IMAGES = tuple(
    _STORAGE_ROOT + suffix
    for suffix in (
        "2", "4", "128", "1", "1.1", "1.1.1", "1.2", "1.2.1", "1.3", "2.1", "2.2", "3", "3.1", "4.1",
        "4.2", "4.3", "4.4", "5", "6", "6.1", "7", "7.1", "7.2", "7.3", "7.4", "12.1", "12.1.1",
        "12.2", "12.2.1", "13.1.1", "13.1.3", "20", "30", "66.4", "77.1.1", "77.1.1.1", "77.1.2",
        "77.1.4", "77.1.4.1", "77.1.5.1", "77.1.5.4", "77.1.6", "130", "481.1", "481.2",
    )
)  # fmt: skip
_DOCUMENTS = tuple(
    _STORAGE_ROOT + suffix
    for suffix in (
        "9.1.1", "9.1.2", "9.2.1", "11.1", "11.2", "11.3", "11.4", "66", "66.1", "66.2", "66.3",
        "66.5", "67", "88.11", "88.22", "88.33", "88.34", "88.50", "88.59", "88.65", "88.67", "88.68",
        "104.1", "104.2", "104.3", "481.3", "481.4", "481.5", "481.7", "481.8",
    )
)  # fmt: skip
COMMON = (*_IMAGES, *_DOCUMENTS)


def numbered(contexts: Iterable[Context]) -> tuple[Proposed, ...]:
    """Return the contexts with the odd identifiers they must have (PS3.8 §9.3.2.2)."""
    ids = range(1, 2 * MAX_CONTEXTS, 2)
    return tuple(Proposed(number, *context) for number, context in zip(ids, contexts, strict=False))


def find_contexts() -> list[Context]:
    """Return what a query needs: the study root, and the patient root for the patient level."""
    return [(STUDY_FIND, UNCOMPRESSED), (PATIENT_FIND, UNCOMPRESSED)]


def move_contexts() -> list[Context]:
    """Return what C-MOVE needs."""
    return [(STUDY_MOVE, UNCOMPRESSED)]


def get_contexts(sop_classes: Collection[str] = ()) -> list[Context]:
    """Return what C-GET of these SOP classes needs, of the common ones where none is known.

    The acceptor takes one transfer syntax of each context, so every one has a context of its own if there
    is room: an image then comes as the archive keeps it.
    """
    classes = list(dict.fromkeys(sop_classes)) or list(COMMON)
    room = MAX_CONTEXTS - len(find_contexts()) - 1
    separate = [context for uid in classes for context in _separate(uid)]
    grouped = [context for uid in classes for context in _grouped(uid)]
    chosen = separate if len(separate) <= room else grouped
    return [(STUDY_GET, UNCOMPRESSED), *chosen[:room]]


def get_roles(contexts: Iterable[Context]) -> list[Role]:
    """Return the roles for C-GET: we are the SCP of what is stored to us (PS3.7 §D.3.3.4)."""
    classes = dict.fromkeys(abstract for abstract, _ in contexts if is_storage(abstract))
    return [Role(uid, scu=False, scp=True) for uid in classes]


def query_extensions(contexts: Iterable[Context]) -> tuple[tuple[str, bytes], ...]:
    """Return what to ask of queries beyond the baseline: relational ones (PS3.4 §C.5.1.1)."""
    asked = dict.fromkeys(abstract for abstract, _ in contexts)
    return tuple((uid, b"\1") for uid in asked if uid in {STUDY_FIND, PATIENT_FIND})


def store_contexts(pairs: Iterable[tuple[str, str]], *, transcode: bool = False) -> list[Context]:
    """Return what C-STORE of these (SOP class, transfer syntax) pairs needs: just them.

    With `transcode`, each SOP class is offered uncompressed besides.
    """
    wanted = dict.fromkeys(pairs)
    contexts: list[Context] = [(sop_class, (syntax,)) for sop_class, syntax in wanted]
    classes = dict.fromkeys(sop_class for sop_class, _ in wanted) if transcode else ()
    return contexts + [(sop_class, UNCOMPRESSED) for sop_class in classes]


def merged(*groups: Sequence[Context]) -> list[Context]:
    """Return the contexts of all groups once each, as many as one association may have."""
    return list(dict.fromkeys(context for group in groups for context in group))[:MAX_CONTEXTS]


def is_storage(sop_class_uid: str) -> bool:
    """Return whether a SOP class is one of storage; private ones are taken to be."""
    if not sop_class_uid.startswith(_STANDARD_ROOT):
        return bool(sop_class_uid)
    return sop_class_uid.startswith((_STORAGE_ROOT, *_STORAGE_ELSEWHERE))


def _separate(sop_class_uid: str) -> list[Context]:
    if sop_class_uid in _DOCUMENTS:
        return [(sop_class_uid, (uid,)) for uid in (*UNCOMPRESSED, DEFLATED)]
    return [(sop_class_uid, (uid,)) for uid in (*UNCOMPRESSED, DEFLATED, *COMPRESSED, *VIDEO)]


def _grouped(sop_class_uid: str) -> list[Context]:
    if sop_class_uid in _DOCUMENTS:
        return [(sop_class_uid, UNCOMPRESSED)]
    return [(sop_class_uid, UNCOMPRESSED), (sop_class_uid, (*COMPRESSED, *VIDEO))]
