from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset
from pydicom.sequence import Sequence

from adit_cli.dicom.attributes import decode_attributes, encode_attributes, read_attributes
from adit_cli.errors import DataError, UsageError
from tests.support.reading import pydicom_file, read_dicom

IMPLICIT, EXPLICIT, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
ALL_THREE = pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG])


def as_bytes(ds: Dataset, syntax: str) -> bytes:
    file = DicomBytesIO()
    file.is_implicit_VR, file.is_little_endian = syntax == IMPLICIT, syntax != BIG
    write_dataset(file, ds)
    return file.getvalue()


@ALL_THREE
def test_query_keys_are_encoded_as_pydicom_reads_them(syntax: str) -> None:
    keys = {
        "PatientName": "Müller*",
        "StudyInstanceUID": "1.2.3",
        "Rows": "512",
        "ModalitiesInStudy": "CT\\MR",
    }

    raw = encode_attributes({**keys, "StudyDate": "", "RequestAttributesSequence": ""}, syntax)

    ds = read_dataset(BytesIO(raw), syntax == IMPLICIT, syntax != BIG)
    assert (str(ds.PatientName), ds.StudyInstanceUID, ds.Rows) == ("Müller*", "1.2.3", 512)
    assert list(ds.ModalitiesInStudy) == ["CT", "MR"]
    assert (ds.StudyDate, len(ds.RequestAttributesSequence), ds.SpecificCharacterSet) == ("", 0, "ISO_IR 100")


@ALL_THREE
def test_answers_written_by_pydicom_are_decoded(syntax: str) -> None:
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.PatientName = "Ωmega^Änne"
    ds.PatientID = ""
    ds.StudyInstanceUID = "1.2.34"
    ds.ModalitiesInStudy = ["CT", "SR"]
    ds.Rows, ds.NumberOfStudyRelatedInstances = 512, "17"
    ds.OffendingElement = [0x00100010]
    ds.ReferencedStudySequence = Sequence([Dataset()])

    found = decode_attributes(as_bytes(ds, syntax), syntax)

    assert found == {
        "SpecificCharacterSet": "ISO_IR 192",
        "PatientName": "Ωmega^Änne",
        "PatientID": "",
        "StudyInstanceUID": "1.2.34",
        "ModalitiesInStudy": "CT\\SR",
        "Rows": "512",
        "NumberOfStudyRelatedInstances": "17",
        "OffendingElement": "00100010",
    }


@pytest.mark.parametrize(
    "name",
    ["CT_small.dcm", "MR_small_bigendian.dcm", "image_dfl.dcm", "JPEG2000.dcm", "rtplan.dcm", "reportsi.dcm"],
)
def test_attributes_of_files_are_those_that_pydicom_reads(name: str) -> None:
    path = pydicom_file(name)
    ds = read_dicom(path)

    found = read_attributes(path, ["SOPInstanceUID", "StudyInstanceUID", "Modality", "PatientName", "Rows"])

    assert found["StudyInstanceUID"] == ds.StudyInstanceUID
    assert found["PatientName"] == str(ds.PatientName)
    assert found.get("Rows") == (str(ds.Rows) if "Rows" in ds else None)


def test_attribute_that_a_file_lacks_is_absent() -> None:
    path = pydicom_file("CT_small.dcm")

    assert read_attributes(path, ["ClinicalTrialProtocolID"]) == {}


@ALL_THREE
def test_sequences_of_undefined_length_are_stepped_over(syntax: str) -> None:
    inner = Dataset()
    inner.PatientName = "Inner^Name"
    inner.is_undefined_length_sequence_item = True
    outer = Dataset()
    outer.ReferencedStudySequence = Sequence([inner, Dataset()])
    outer["ReferencedStudySequence"].is_undefined_length = True
    ds = Dataset()
    ds.SourceImageSequence = Sequence([outer])
    ds["SourceImageSequence"].is_undefined_length = True
    ds.StudyInstanceUID = "1.2.3"

    assert decode_attributes(as_bytes(ds, syntax), syntax) == {"StudyInstanceUID": "1.2.3"}


def test_keyword_outside_of_our_table_is_found_in_pydicoms() -> None:
    raw = encode_attributes({"PatientBirthName": "A", "00091010": ""}, IMPLICIT)

    assert decode_attributes(raw, IMPLICIT)["PatientBirthName"] == "A"


@pytest.mark.parametrize(
    ("keys", "said"),
    [({"PatientNam": ""}, "PatientNam is not"), ({"Rows": "many"}, "Rows takes numbers"),
     ({"ReferencedStudySequence": "x"}, "is a sequence")],
)  # fmt: skip
def test_key_that_cannot_be_asked_is_a_usage_error(keys: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        encode_attributes(keys)


@given(st.binary(max_size=200), st.sampled_from([IMPLICIT, EXPLICIT, BIG]))
def test_nonsense_is_a_data_error_or_ignored(raw: bytes, syntax: str) -> None:
    try:
        decode_attributes(raw, syntax)
    except DataError:
        return


def test_unknown_sequence_of_undefined_length_holds_implicit_elements() -> None:
    # The length 4242H is spelled "BB", which could be a VR.
    inside = encode_attributes({"PatientComments": "x" * 0x4242}, IMPLICIT)
    item = b"\xfe\xff\x00\xe0\xff\xff\xff\xff" + inside + b"\xfe\xff\x0d\xe0" + bytes(4)
    unknown = b"\x09\0\x10\x10UN\0\0\xff\xff\xff\xff" + item + b"\xfe\xff\xdd\xe0" + bytes(4)

    found = decode_attributes(unknown + encode_attributes({"StudyInstanceUID": "1.2"}, EXPLICIT), EXPLICIT)

    assert found == {"StudyInstanceUID": "1.2"}
