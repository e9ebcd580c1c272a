from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from adit_cli.jobfile.folder import DEFAULT_LAYOUT
from adit_cli.jobfile.node import AnyNode, FolderNode, NodeSpec, ServerNode, label
from adit_cli.jobfile.tls import Tls

NODE: TypeAdapter[NodeSpec] = TypeAdapter(AnyNode)


def messages(written: object) -> list[str]:
    with pytest.raises(ValidationError) as caught:
        NODE.validate_python(written)
    return [error["msg"].removeprefix("Value error, ") for error in caught.value.errors()]


def test_a_short_form_is_the_same_as_the_long_one() -> None:
    short = NODE.validate_python({"dimse": " PACS@[fe80::1]:104 "})
    long = NODE.validate_python({"dimse": {"ae_title": "PACS", "host": "fe80::1", "port": "104"}})

    assert short == long
    assert label(short) == "PACS@fe80::1:104"
    assert NODE.validate_python(short) is short


def test_a_folder_is_filed_as_the_layout_says() -> None:
    node = NODE.validate_python({"folder": "/data"})

    assert node == FolderNode(folder=Path("/data"), layout=DEFAULT_LAYOUT)
    assert label(node) == "/data"


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("PACS", "a node needs a mapping with `dimse: AE_TITLE@host:port`"),
        ({"fodler": "x"}, "a node needs a mapping with `dimse: AE_TITLE@host:port`"),
        ({"dimse": "PACS@host"}, "write it as AE_TITLE@host:port"),
        ({"dimse": "PACS@host:0"}, "the port must be 1 to 65535"),
        ({"dimse": {"ae_title": "A", "host": "a b", "port": 1}}, "String should match pattern"),
        ({"folder": "x", "dimse": "A@b:1"}, "Extra inputs are not permitted"),
    ],
)
def test_a_mistake_in_a_node_is_told_once(written: object, message: str) -> None:
    (found,) = messages(written)

    assert found.startswith(message)


@pytest.mark.parametrize(
    ("layout", "message"),
    [
        ("../{SOPInstanceUID}.dcm", "must be relative folders and a file name"),
        ("/{SOPInstanceUID}.dcm", "must be relative folders and a file name"),
        ("a//{SOPInstanceUID}.dcm", "must be relative folders and a file name"),
        ("a\\..\\{SOPInstanceUID}.dcm", "must be relative folders and a file name"),
        ("{PatientID/{SOPInstanceUID}.dcm", "has a brace that is not closed"),
        ("{PatientId}/{SOPInstanceUID}.dcm", "'PatientId' is no DICOM keyword (did you mean PatientID?)"),
        ("{Qqqqqqqq}/{SOPInstanceUID}.dcm", "'Qqqqqqqq' is no DICOM keyword: use one such as PatientSex"),
        ("{}/{SOPInstanceUID}.dcm", "'' is no DICOM keyword"),
        ("{PatientID}/image.dcm", "gives every file the same name"),
    ],
)
def test_a_layout_that_cannot_work_is_told(layout: str, message: str) -> None:
    (found,) = messages({"folder": "x", "layout": layout})

    assert found.startswith(message)


def test_a_layout_may_format_and_gather() -> None:
    layout = "{Modalities}/{SeriesNumber:03}-{SeriesDescription:.20}/{SOPInstanceUID}.dcm"

    node = NODE.validate_python({"folder": "x", "layout": layout})

    assert isinstance(node, FolderNode)
    assert node.layout == layout


def test_a_server_may_be_a_url_alone() -> None:
    assert label(NODE.validate_python({"dicomweb": "https://pacs/dicom-web/"})) == "https://pacs/dicom-web"


def test_a_server_needs_an_address() -> None:
    with pytest.raises(ValidationError, match="needs `dimse"):
        ServerNode.model_validate({})


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("true", Tls()),
        (True, Tls()),
        ("false", None),
        (False, None),
        ({"server_name": "a"}, Tls(server_name="a")),
    ],
)
def test_tls_is_a_flag_or_a_mapping(written: object, expected: Tls | None) -> None:
    node = NODE.validate_python({"dimse": {"ae_title": "A", "host": "b", "port": "104", "tls": written}})

    assert isinstance(node, ServerNode)
    assert node.dimse is not None
    assert node.dimse.tls == expected


def test_a_password_is_never_shown() -> None:
    identity = {"username": "adit", "password": "a secret"}
    node = NODE.validate_python({"dimse": {"ae_title": "A", "host": "b", "port": 104, "identity": identity}})

    assert "a secret" not in repr(node)
    assert "a secret" not in node.model_dump_json()


def test_transcoding_needs_dimse() -> None:
    (found,) = messages({"dicomweb": "https://pacs.example.org/rs", "transcode": "allow"})

    assert found == "`transcode` is for C-STORE, which needs `dimse`"


def test_a_node_has_hours_and_a_number_of_studies_an_hour() -> None:
    limits = {"studies_per_hour": "300", "window": ["Mon-Fri 19:00-06:00", "Sat-Sun"]}
    node = NODE.validate_python({"dimse": "A@b:1", "limits": limits})
    single = NODE.validate_python({"dimse": "A@b:1", "limits": {"window": "22:00-05:00"}})

    assert isinstance(node, ServerNode)
    assert isinstance(single, ServerNode)
    assert node.limits.studies_per_hour == 300
    assert [window.text for window in node.limits.window] == limits["window"]
    assert [window.text for window in single.limits.window] == ["22:00-05:00"]


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"window": "Mo-Fr 19:00-06:00"}, "no day is called 'Mo'"),
        ({"window": []}, "names no window"),
        ({"window": {"days": "Mon"}}, "not a window"),
        ({"studies_per_hour": 0}, "greater than or equal to 1"),
        ({"studies_per_hour": 1.5}, "valid integer"),
    ],
)
def test_limits_that_mean_nothing_are_errors(limits: object, said: str) -> None:
    (found,) = messages({"dimse": "A@b:1", "limits": limits})

    assert said in found
