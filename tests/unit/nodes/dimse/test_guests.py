import pytest
from pydantic import ValidationError

from adit_cli.jobfile.receiver import ReceiverSpec
from adit_cli.nodes.dimse.guests import EVERYONE, Guests


@pytest.mark.parametrize(
    ("entry", "calling", "host", "is_welcome"),
    [
        ("*", "ANY", "10.0.0.9", True),
        ("PACS", "PACS", "10.0.0.9", True),
        ("PACS", "OTHER", "10.0.0.9", False),
        ("PACS@10.0.0.9", "PACS", "10.0.0.9", True),
        ("PACS@10.0.0.9", "PACS", "10.0.0.8", False),
        ("PACS@10.0.0.9", "OTHER", "10.0.0.9", False),
        ("@10.0.0.9", "ANY", "10.0.0.9", True),
        ("*@10.0.0.9", "ANY", "10.0.0.9", True),
        ("*@10.0.0.9", "ANY", "10.0.0.8", False),
        ("@10.1.0.0/16", "ANY", "10.1.200.3", True),
        ("@10.1.0.0/16", "ANY", "10.2.0.3", False),
        ("PACS@nowhere.invalid", "PACS", "10.0.0.9", False),
        ("PACS@localhost", "PACS", "127.0.0.1", True),
    ],
)
def test_callers_are_known_by_title_address_or_both(
    entry: str, calling: str, host: str, *, is_welcome: bool
) -> None:
    assert Guests((entry,), loopback=False).welcome(calling, host) is is_welcome


def test_strangers_are_refused_and_this_machine_is_not() -> None:
    guests = Guests()

    assert not guests.welcome("PACS", "10.0.0.9")
    assert guests.welcome("ANY", "127.0.0.1")
    assert guests.welcome("ANY", "::1")
    assert EVERYONE.welcome("ANY", "10.0.0.9")


def test_whoever_is_asked_to_send_may_call_as_long_as_that_lasts() -> None:
    asked = ["PACS@10.0.0.9"]
    guests = Guests(asked=lambda: asked)

    assert guests.welcome("PACS", "10.0.0.9")
    asked.clear()
    assert not guests.welcome("PACS", "10.0.0.9")


@pytest.mark.parametrize("text", ["", "A" * 17, "PACS@", "PACS@a b", "a\\b", "@"])
def test_callers_that_name_nobody_are_refused_in_the_config(text: str) -> None:
    with pytest.raises(ValidationError, match="write AE_TITLE"):
        ReceiverSpec(accept=(text,))


@pytest.mark.parametrize(
    "text", ["10.1.2.3", "10.1.0.0/16", "::1", "@10.1.2.300", "@10.1.0.0/99", "PACS@10.1", "@pacs/16"]
)
def test_addresses_that_nobody_could_call_from_are_refused_in_the_config(text: str) -> None:
    with pytest.raises(ValidationError, match="write AE_TITLE"):
        ReceiverSpec(accept=(text,))


@pytest.mark.parametrize("text", ["*", "PACS", "PACS@pacs.example.org", "@::1", "*@10.1.2.3", "@10.1.0.9/16"])
def test_callers_are_taken_as_they_are_written(text: str) -> None:
    assert ReceiverSpec(accept=(text,)).accept == (text,)
