from __future__ import annotations

import pytest

from adit_cli.dicom.elements import Element, Elements, Encoding
from tests.support.deid import change_of, changed, elements, profile_of

NAME = Element(0x00100010, "PN", b"Doe^Jane")
SEX = Element(0x00100040, "CS", b"F ")
CREATOR = Element(0x00190011, "LO", b"SIEMENS MR HEADER ")
B_VALUE = Element(0x0019110C, "IS", b"1000")


def _nested(element: Element, depth: int) -> Elements:
    """Return a data set with an element below `depth` sequences that the profile keeps."""
    for _ in range(depth):
        element = Element(0x00081032, "SQ", items=[elements(element)])
    return elements(element)


def _leaf(data_set: Elements, depth: int, tag: int) -> Element | None:
    for _ in range(depth):
        (data_set,) = data_set[0x00081032].items or [{}]
    return data_set.get(tag)


@pytest.mark.parametrize("depth", [0, 1, 3])
def test_the_table_holds_at_every_depth(depth: int) -> None:
    name = _leaf(changed(_nested(NAME, depth)), depth, NAME.tag)
    born = _leaf(changed(_nested(Element(0x00101040, "LO", b"10 Real Street"), depth)), depth, 0x00101040)

    assert name is not None
    assert name.value == b"PSEUDO"
    assert born is None


@pytest.mark.parametrize(
    ("element", "left"),
    [
        (Element(0x0018991E, "UI", b"1.2.3.4"), b"2.25."),
        (Element(0x00142006, "PN", b"Doe^Jane"), b"REMOVED "),
        (Element(0x00141020, "DA", b"20240101"), b""),
        (Element(0x00700006, "ST", b"Jane Doe"), b"REMOVED "),
        (Element(0x00187006, "LT", b"Jane Doe"), None),
        (Element(0x00189931, "LO", b"Jane Doe"), b"Jane Doe"),
        (Element(0x00181400, "LO", b"Jane Doe"), b"REMOVED "),
        (Element(0x00081190, "UR", b"http://pacs"), b"urn:removed "),
        (Element(0x0074100A, "UR", b"http://pacs"), None),
        (Element(0x00700081, "LO", b"Jane Doe"), b"REMOVED "),
        (Element(0x00420010, "ST", b"Jane Doe"), b""),
        (Element(0x00100033, "LO", b"Heisei 4"), None),
        (Element(0x0010AAA1, "LO", b"unknown"), None),
        (Element(0x60003000, "OW", b"\1\1"), None),
        (Element(0x60020010, "US", b"\1\1"), None),
        (Element(0x50000005, "US", b"\1\1"), None),
        (Element(0x00080000, "UL", b"\1\1\1\1"), None),
        (Element(0x00280010, "LO", b"Jane"), b"Jane"),
        (Element(0x00280010, "PN", b"Jane"), b"REMOVED "),
        (Element(0x00180050, "DS", b"Jane"), b""),
        (Element(0x00180050, "UN", b"Jane"), b""),
        (Element(0x00180050, "UN", b"1.5 "), b"1.5 "),
        (Element(0x00080016, "UI", b"1.3.12.2.1107.5.9.1"), b"1.3.12.2.1107.5.9.1"),
        (Element(0x00081150, "UI", b"1.3.12.2.1107.5.9.1"), b"1.3.12.2.1107.5.9.1"),
        (Element(0x00080201, "SH", b"+0300 "), b"+0000 "),
    ],
    ids=lambda value: f"{value.tag:08X}-{value.vr}" if isinstance(value, Element) else None,
)
def test_what_no_table_names_goes_by_its_kind_of_value(element: Element, left: bytes | None) -> None:
    found = changed(elements(element)).get(element.tag)

    assert (found is None) == (left is None)
    assert found is None or found.value.startswith(left or b"")
    assert found is None or left or not found.value


def test_a_sequence_that_cannot_be_read_is_emptied() -> None:
    broken = Element(0x00081032, "SQ", b"Jane Doe somewhere in here")

    assert changed(elements(broken))[broken.tag] == Element(broken.tag, "SQ", items=[])


def test_private_elements_go_with_their_creators() -> None:
    assert not any(tag & 0x10000 for tag in changed(elements(CREATOR, B_VALUE, NAME)))


def test_safe_private_elements_stay_with_their_creator_wherever_their_block_is() -> None:
    secret = Element(0x001911F9, "LO", b"Jane Doe")

    left = changed(elements(CREATOR, B_VALUE, secret), options=["retain-safe-private"])

    assert {tag for tag in left if tag & 0x10000} == {CREATOR.tag, B_VALUE.tag}


@pytest.mark.parametrize(
    "impostor",
    [
        Element(B_VALUE.tag, "LO", b"1000"),
        Element(B_VALUE.tag, "IS", b"Jane"),
        Element(B_VALUE.tag, "UN", b"Jane"),
        Element(B_VALUE.tag, "UN", items=[{}]),
    ],
)
def test_a_safe_private_element_that_is_not_what_it_should_be_goes(impostor: Element) -> None:
    left = changed(elements(CREATOR, impostor), options=["retain-safe-private"])

    assert not any(tag & 0x10000 for tag in left)


@pytest.mark.parametrize(
    ("element", "left"),
    [
        (Element(0x00111101, "LO", b"kept"), b"kept"),
        (Element(0x00111101, "UI", b"1.2.3"), b"2.25."),
        (Element(0x00111101, "PN", b"Jane"), b"REMOVED "),
        (Element(0x00111101, "UN", b"kept"), b"kept"),
    ],
)
def test_private_elements_that_the_job_calls_safe_are_still_changed_by_their_vr(
    element: Element, left: bytes
) -> None:
    creator = Element(0x00110011, "LO", b"ACME")

    found = changed(
        elements(creator, element), options=["retain-safe-private"], safe_private=["0011,01,ACME"]
    )

    assert found[element.tag].value.startswith(left)
    assert found[creator.tag] == creator


def test_a_private_element_without_creator_goes() -> None:
    assert not any(tag & 0x10000 for tag in changed(elements(B_VALUE), options=["retain-safe-private"]))


@pytest.mark.parametrize(
    ("rules", "kept"),
    [
        ({"PatientSex": "keep"}, {0, 1, 2}),
        ({"0010,0040": "keep"}, {0, 1, 2}),
        ({"PatientSe?": "keep"}, {0, 1, 2}),
        ({"ProcedureCodeSequence/PatientSex": "keep"}, {1}),
        ({"ProcedureCodeSequence/ProcedureCodeSequence/PatientSex": "keep"}, {2}),
        ({"ProcedureCode*/PatientSex": "keep"}, {1}),
    ],
)
def test_the_jobs_rules_have_the_last_word_where_they_hold(rules: dict[str, str], kept: set[int]) -> None:
    values = {depth: _leaf(changed(_nested(SEX, depth), rules=rules), depth, SEX.tag) for depth in range(3)}

    assert {depth for depth, element in values.items() if element and element.value} == kept


def test_a_rule_keeps_a_private_element_by_creator_or_by_number() -> None:
    secret = Element(0x001911F9, "LO", b"Jane Doe")

    by_creator = changed(elements(CREATOR, secret), rules={"0019,F9,SIEMENS MR HEADER": "keep"})
    by_number = changed(elements(CREATOR, secret), rules={"0019,11F9": "keep"})

    assert by_creator[secret.tag] == by_number[secret.tag] == secret
    assert by_creator[CREATOR.tag] == by_number[CREATOR.tag] == CREATOR


def test_a_rule_for_a_private_element_in_a_sequence_holds_there_alone() -> None:
    secret = Element(0x001911F9, "LO", b"Jane Doe")
    sequence = Element(0x00081032, "SQ", items=[elements(CREATOR, secret)])

    left = changed(
        elements(CREATOR, secret, sequence),
        rules={"ProcedureCodeSequence/0019,F9,SIEMENS MR HEADER": "keep"},
    )

    assert secret.tag not in left
    assert left[sequence.tag].items == [elements(CREATOR, secret)]


@pytest.mark.parametrize(
    ("scheme", "left"),
    [(b"99LOCAL ", b"CT"), (b"DCM ", b"CT Doe"), (None, b"CT")],
    ids=["local", "standard", "none"],
)
def test_cleaning_descriptors_cleans_the_meanings_of_local_codes(scheme: bytes | None, left: bytes) -> None:
    item = elements(Element(0x00080104, "LO", b"CT Doe"))
    if scheme:
        item[0x00080102] = Element(0x00080102, "SH", scheme)
    sequence = Element(0x00081032, "SQ", items=[item])

    (found,) = changed(elements(sequence), options=["clean-descriptors"])[sequence.tag].items or [{}]

    assert found[0x00080104].value.strip() == left


def test_the_type_of_an_attribute_in_its_iod_decides_between_actions() -> None:
    content_date = elements(Element(0x00080023, "DA", b"20240101"))

    ct = changed(content_date, sop_class="1.2.840.10008.5.1.4.1.1.2")
    segmentation = changed(content_date, sop_class="1.2.840.10008.5.1.4.1.1.66.4")
    unknown = changed(content_date, sop_class="1.2.3")

    assert ct[0x00080023].value == b""
    assert segmentation[0x00080023].value == b"19000101"
    assert unknown[0x00080023].value == b"19000101"


def test_the_data_set_that_was_given_stays_as_it_was() -> None:
    sequence = Element(0x00081032, "SQ", items=[elements(NAME)])
    given = elements(NAME, sequence)

    changed(given)

    assert given == elements(NAME, Element(0x00081032, "SQ", items=[elements(NAME)]))


def test_what_was_done_is_counted_by_tag_and_rule() -> None:
    change = change_of(_nested(NAME, 0) | _nested(NAME, 1), profile_of())

    assert change.actions == {(NAME.tag, "pseudonym"): 2}


def test_dates_of_one_patient_keep_their_distance_and_those_of_another_move_differently() -> None:
    first, second, other = (
        changed(
            elements(
                Element(0x00100020, "LO", patient),
                Element(0x00100030, "DA", b"19500101"),
                Element(0x00080020, "DA", day),
                Element(0x00080030, "TM", b"101112"),
            ),
            options=["retain-longitudinal-modified-dates"],
            dates={"birth_date": "shift"},
        )
        for patient, day in ((b"A1", b"20240101"), (b"A1", b"20240111"), (b"B2", b"20240101"))
    )

    assert int(second[0x00080020].value) - int(first[0x00080020].value) == 10
    assert first[0x00100030] == second[0x00100030] != other[0x00100030]
    assert first[0x00080030].value == b"101112"


def test_numbers_of_big_endian_files_are_replaced_in_their_byte_order() -> None:
    rows = elements(Element(0x00280010, "US", b"\0\1"))

    left = changed(rows, encoding=Encoding(big_endian=True), rules={"Rows": {"replace": 258}})

    assert left[0x00280010].value == b"\1\2"
