"""Who the demo's patients are: invented people with the headers that real scanners write about real ones."""

from __future__ import annotations

from dataclasses import dataclass

from adit_cli.nodes.demo.phantom import ABDOMEN, HEAD, KNEE, THORAX, Ellipsoid


@dataclass(frozen=True, slots=True)
class SampleSeries:
    """One series: what it shows, and how many slices."""

    number: int
    description: str
    slices: int
    protocol: str = ""
    brightness: float = 1.0


@dataclass(frozen=True, slots=True)
class SampleStudy:
    """One examination of a patient."""

    patient: SamplePatient
    modality: str
    date: str
    time: str
    accession_number: str
    description: str
    bodies: tuple[Ellipsoid, ...]
    series: tuple[SampleSeries, ...]


@dataclass(frozen=True, slots=True)
class SamplePatient:
    """A person who doesn't exist."""

    patient_id: str
    name: str
    birth_date: str
    sex: str
    address: str
    charset: str = "ISO_IR 192"


ADA = SamplePatient("DEMO-1001", "Sample^Ada^Grace", "19580317", "F", "12 Harbour Lane, Brightwater")
BJOERN = SamplePatient(
    "DEMO-1002", "Beispiel^Björn", "19711104", "M", "Lindenallee 7, Musterstadt", "ISO_IR 100"
)
CARMEN = SamplePatient(
    "DEMO-1003", "Muñoz^Carmen", "19490822", "F", "Calle Mayor 3, Villanueva", "ISO_IR 100"
)
TARO = SamplePatient("0010042", "Yamada^Taro=山田^太郎", "19850605", "M", "1-2-3 Sakura, Minato")

_THIN = SampleSeries(2, "Thorax thin 1.0 B60", 16, "Thorax low dose")
_SOFT = SampleSeries(3, "Thorax 5.0 B30", 8, "Thorax low dose", 1.1)
_SCOUT = SampleSeries(1, "Localizer", 2, "Topogram", 0.9)
_T1 = SampleSeries(2, "t1_mprage_sag", 12, "Brain routine")
_T2 = SampleSeries(3, "t2_tse_tra", 10, "Brain routine", 1.3)

STUDIES = (
    SampleStudy(ADA, "CT", "20240112", "091502", "A240112007", "CT Thorax", THORAX, (_SCOUT, _THIN, _SOFT)),
    SampleStudy(
        ADA, "CT", "20240709", "143010", "A240709031", "CT Thorax follow-up", THORAX, (_SCOUT, _THIN)
    ),
    SampleStudy(BJOERN, "MR", "20240202", "110745", "A240202012", "MR Brain", HEAD, (_SCOUT, _T1, _T2)),
    SampleStudy(
        CARMEN,
        "CT",
        "20240318",
        "080120",
        "A240318002",
        "CT Abdomen",
        ABDOMEN,
        (_SCOUT, SampleSeries(2, "Abdomen 3.0 portal venous", 14, "Abdomen routine")),
    ),
    SampleStudy(CARMEN, "MR", "20240320", "165533", "A240320044", "MR Brain", HEAD, (_SCOUT, _T2)),
    SampleStudy(
        TARO,
        "MR",
        "20240501",
        "130000",
        "A240501020",
        "MR Knee left",
        KNEE,
        (
            _SCOUT,
            SampleSeries(2, "pd_tse_fs_cor", 10, "Knee"),
            SampleSeries(3, "t1_tse_sag", 10, "Knee", 1.2),
        ),
    ),
)
