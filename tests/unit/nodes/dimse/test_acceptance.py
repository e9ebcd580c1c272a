from __future__ import annotations

import pytest
from pydicom._uid_dict import UID_dictionary
from pydicom.uid import UID
from pynetdicom import AllStoragePresentationContexts

from adit_cli.nodes.dimse import pdu
from adit_cli.nodes.dimse.acceptance import answer
from adit_cli.nodes.dimse.userinfo import UserInformation

CT = "1.2.840.10008.5.1.4.1.1.2"
STORAGE = [str(one.abstract_syntax) for one in AllStoragePresentationContexts]
TRANSFER_SYNTAXES = [str(uid) for uid, entry in UID_dictionary.items() if entry[1] == "Transfer Syntax"]


def answered(*contexts: tuple[str, str]) -> dict[tuple[str, str], int]:
    """Return the result for each pair of abstract and transfer syntax."""
    proposed = tuple(
        pdu.Proposed(2 * number + 1, abstract, (syntax,))
        for number, (abstract, syntax) in enumerate(contexts)
    )
    reply = answer(pdu.AssociateRequest("ADIT", "US", proposed, UserInformation()), "ADIT")
    assert isinstance(reply, pdu.AssociateAccept)
    return {contexts[one.context_id // 2]: one.result for one in reply.contexts}


def test_all_storage_sop_classes_that_pydicom_knows_are_accepted() -> None:
    results = [
        result
        for part in _parts([(uid, "1.2.840.10008.1.2.1") for uid in STORAGE])
        for result in answered(*part).values()
    ]

    assert len(results) == len(set(STORAGE)) > 150
    assert set(results) == {pdu.ACCEPTED}


def test_all_transfer_syntaxes_that_pydicom_knows_are_accepted() -> None:
    results = answered(*[(CT, uid) for uid in TRANSFER_SYNTAXES])

    assert len(results) > 40
    assert set(results.values()) == {pdu.ACCEPTED}


@pytest.mark.parametrize("syntax", ["1.2.3.4", ""])
def test_transfer_syntaxes_that_nobody_knows_are_refused(syntax: str) -> None:
    assert answered((CT, syntax)) == {(CT, syntax): pdu.TRANSFER_SYNTAXES_NOT_SUPPORTED}


def test_services_that_are_no_storage_are_refused() -> None:
    find, commitment = "1.2.840.10008.5.1.4.1.2.2.1", "1.2.840.10008.1.20.1"

    results = answered((find, UID("1.2.840.10008.1.2")), (commitment, UID("1.2.840.10008.1.2")))

    assert set(results.values()) == {pdu.ABSTRACT_SYNTAX_NOT_SUPPORTED}


def _parts(contexts: list[tuple[str, str]]) -> list[list[tuple[str, str]]]:
    return [contexts[start : start + pdu.MAX_CONTEXTS] for start in range(0, len(contexts), pdu.MAX_CONTEXTS)]
