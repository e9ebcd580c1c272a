"""Notice columns that look as if they narrowed the rows of a cohort, and do not.

They are carried along like any other that we do not know: who expects more of them has to be told.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from difflib import get_close_matches

from adit_cli.tasks.tables import Header, plain

_NARROWING = frozenset(
    (
        "accession",
        "accessionno",
        "birthdate",
        "dateofbirth",
        "dob",
        "from",
        "modalities",
        "seriesdescription",
        "seriesnumber",
        "studytime",
        "until",
    )
)
"""What people and other programs call columns that say which studies are meant."""
_ALIKE = 0.8


def strangers(header: Header, names: Collection[str]) -> Iterator[str]:
    """Yield what to say of the columns that we do not know; `names` are the plain headers that we do."""
    for title in header.extra:
        word = plain(title)
        of_series = word.startswith("series") and "series_uid" in header.known
        if not of_series and (word in _NARROWING or get_close_matches(word, names, 1, _ALIKE)):
            yield (
                f"column {title} is none that we know: it is carried along and narrows no row;"
                " if it should, name it under `columns`, or say so in the job"
            )
