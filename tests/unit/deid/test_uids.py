from __future__ import annotations

import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from adit_cli.deid.pseudonyms import keyed_pseudonym, random_pseudonym
from adit_cli.deid.uids import new_uid, replace_uids, subkey
from tests.support.deid import KEY

uids = st.lists(st.integers(0, 10**6), min_size=4, max_size=8).map(
    lambda parts: "1.3." + ".".join(map(str, parts))
)


@given(uids, uids)
def test_a_uid_becomes_a_valid_one_that_no_other_uid_or_key_gives(first: str, second: str) -> None:
    made = new_uid(KEY, first)

    assert made.startswith("2.25.")
    assert len(made) <= 64
    assert int(made[5:]) < 2**128
    assert (made == new_uid(KEY, second)) == (first == second)
    assert made != new_uid(b"another key", first)


def test_another_process_gives_the_same_uid_and_pseudonym() -> None:
    program = (
        "from adit_cli.deid.uids import new_uid; from adit_cli.deid.pseudonyms import keyed_pseudonym;"
        f"print(new_uid({KEY!r}, '1.2.3'), keyed_pseudonym({KEY!r}, 'HOSPITAL', '4711'))"
    )

    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert printed.stdout.split() == [new_uid(KEY, "1.2.3"), keyed_pseudonym(KEY, "HOSPITAL", "4711")]


def test_each_of_several_uids_is_replaced_but_those_of_the_standard() -> None:
    replaced = replace_uids(subkey(KEY, "uid"), b"1.2.3\\1.2.840.10008.1.2\\\\1.2.4\0")

    one, standard, empty, other = replaced.rstrip(b"\0").split(b"\\")
    assert one.decode() == new_uid(KEY, "1.2.3")
    assert other.decode() == new_uid(KEY, "1.2.4")
    assert (standard, empty) == (b"1.2.840.10008.1.2", b"")
    assert len(replaced) % 2 == 0


@given(st.text(max_size=20), st.text(max_size=20), st.text(max_size=20), st.text(max_size=20))
def test_no_two_patients_share_a_pseudonym(issuer: str, number: str, issuer2: str, number2: str) -> None:
    same = (issuer.strip(), number.strip()) == (issuer2.strip(), number2.strip())

    first, second = keyed_pseudonym(KEY, issuer, number), keyed_pseudonym(KEY, issuer2, number2)

    assert (first == second) == same or "\0" in issuer + number + issuer2 + number2


def test_a_pseudonym_has_its_prefix_and_length() -> None:
    assert keyed_pseudonym(KEY, "", "4711", prefix="LUNG-", length=6).startswith("LUNG-")
    assert len(keyed_pseudonym(KEY, "", "4711", prefix="LUNG-", length=6)) == 11
    assert random_pseudonym("R", 8) != random_pseudonym("R", 8)
    assert len(random_pseudonym("R", 8)) == 9
