"""Keywords, tags and VRs of what queries and file headers hold (PS3.6).

A table of our own, since loading pydicom's whole dictionary takes longer than a query does; what the
table lacks is looked up there.
"""

from __future__ import annotations

import re

_HEX_TAG = re.compile(r"\(?([0-9A-Fa-f]{4}),?([0-9A-Fa-f]{4})\)?")
_TABLE = """
00020000 UL FileMetaInformationGroupLength | 00020002 UI MediaStorageSOPClassUID
00020003 UI MediaStorageSOPInstanceUID | 00020010 UI TransferSyntaxUID
00020012 UI ImplementationClassUID | 00020013 SH ImplementationVersionName
00080005 CS SpecificCharacterSet | 00080008 CS ImageType | 00080012 DA InstanceCreationDate
00080013 TM InstanceCreationTime | 00080016 UI SOPClassUID | 00080018 UI SOPInstanceUID
00080020 DA StudyDate | 00080021 DA SeriesDate | 00080022 DA AcquisitionDate | 00080023 DA ContentDate
0008002A DT AcquisitionDateTime | 00080030 TM StudyTime | 00080031 TM SeriesTime
00080032 TM AcquisitionTime | 00080033 TM ContentTime | 00080050 SH AccessionNumber
00080051 SQ IssuerOfAccessionNumberSequence | 00080052 CS QueryRetrieveLevel
00080053 CS QueryRetrieveView | 00080054 AE RetrieveAETitle | 00080055 AE StationAETitle
00080056 CS InstanceAvailability | 00080058 UI FailedSOPInstanceUIDList | 00080060 CS Modality
00080061 CS ModalitiesInStudy | 00080062 UI SOPClassesInStudy
00080063 SQ AnatomicRegionsInStudyCodeSequence | 00080064 CS ConversionType
00080068 CS PresentationIntentType | 00080070 LO Manufacturer | 00080080 LO InstitutionName
00080081 ST InstitutionAddress | 00080090 PN ReferringPhysicianName | 00080100 SH CodeValue
00080102 SH CodingSchemeDesignator | 00080104 LO CodeMeaning | 00080201 SH TimezoneOffsetFromUTC
00081010 SH StationName | 00081030 LO StudyDescription | 00081032 SQ ProcedureCodeSequence
0008103E LO SeriesDescription | 00081040 LO InstitutionalDepartmentName | 00081048 PN PhysiciansOfRecord
00081050 PN PerformingPhysicianName | 00081060 PN NameOfPhysiciansReadingStudy
00081070 PN OperatorsName | 00081080 LO AdmittingDiagnosesDescription
00081090 LO ManufacturerModelName | 00081110 SQ ReferencedStudySequence
00081150 UI ReferencedSOPClassUID | 00081155 UI ReferencedSOPInstanceUID
00082111 ST DerivationDescription | 00082112 SQ SourceImageSequence | 00100010 PN PatientName
00100020 LO PatientID | 00100021 LO IssuerOfPatientID | 00100022 CS TypeOfPatientID
00100030 DA PatientBirthDate | 00100032 TM PatientBirthTime | 00100040 CS PatientSex
00101000 LO OtherPatientIDs | 00101001 PN OtherPatientNames | 00101010 AS PatientAge
00101020 DS PatientSize | 00101030 DS PatientWeight | 00101040 LO PatientAddress
00102160 SH EthnicGroup | 00104000 LT PatientComments | 00120010 LO ClinicalTrialSponsorName
00120020 LO ClinicalTrialProtocolID | 00120021 LO ClinicalTrialProtocolName
00120040 LO ClinicalTrialSubjectID | 00120062 CS PatientIdentityRemoved
00120063 LO DeidentificationMethod | 00120064 SQ DeidentificationMethodCodeSequence
00180010 LO ContrastBolusAgent | 00180015 CS BodyPartExamined | 00180020 CS ScanningSequence
00180021 CS SequenceVariant | 00180024 SH SequenceName | 00180050 DS SliceThickness | 00180060 DS KVP
00180080 DS RepetitionTime | 00180081 DS EchoTime | 00180087 DS MagneticFieldStrength
00180088 DS SpacingBetweenSlices | 00181000 LO DeviceSerialNumber | 00181020 LO SoftwareVersions
00181030 LO ProtocolName | 00181210 SH ConvolutionKernel | 00185100 CS PatientPosition
00185101 CS ViewPosition | 0020000D UI StudyInstanceUID | 0020000E UI SeriesInstanceUID
00200010 SH StudyID | 00200011 IS SeriesNumber | 00200012 IS AcquisitionNumber
00200013 IS InstanceNumber | 00200020 CS PatientOrientation | 00200032 DS ImagePositionPatient
00200037 DS ImageOrientationPatient | 00200052 UI FrameOfReferenceUID | 00200060 CS Laterality
00200062 CS ImageLaterality | 00200100 IS TemporalPositionIdentifier
00200105 IS NumberOfTemporalPositions | 00201002 IS ImagesInAcquisition | 00201041 DS SliceLocation
00201070 IS OtherStudyNumbers | 00201200 IS NumberOfPatientRelatedStudies
00201202 IS NumberOfPatientRelatedSeries | 00201204 IS NumberOfPatientRelatedInstances
00201206 IS NumberOfStudyRelatedSeries | 00201208 IS NumberOfStudyRelatedInstances
00201209 IS NumberOfSeriesRelatedInstances | 00204000 LT ImageComments | 00280002 US SamplesPerPixel
00280004 CS PhotometricInterpretation | 00280006 US PlanarConfiguration | 00280008 IS NumberOfFrames
00280010 US Rows | 00280011 US Columns | 00280030 DS PixelSpacing | 00280100 US BitsAllocated
00280101 US BitsStored | 00280102 US HighBit | 00280103 US PixelRepresentation
00280301 CS BurnedInAnnotation | 00280302 CS RecognizableVisualFeatures
00280303 CS LongitudinalTemporalInformationModified | 00281050 DS WindowCenter | 00281051 DS WindowWidth
00281052 DS RescaleIntercept | 00281053 DS RescaleSlope | 00282110 CS LossyImageCompression
0032000A CS StudyStatusID | 0032000C CS StudyPriorityID | 00321032 PN RequestingPhysician
00321050 DA StudyCompletionDate | 00321060 LO RequestedProcedureDescription
00321064 SQ RequestedProcedureCodeSequence | 00321070 LO RequestedContrastAgent
00324000 LT StudyComments | 00380010 LO AdmissionID | 00380300 LO CurrentPatientLocation
00400009 SH ScheduledProcedureStepID | 00400244 DA PerformedProcedureStepStartDate
00400245 TM PerformedProcedureStepStartTime | 00400253 SH PerformedProcedureStepID
00400254 LO PerformedProcedureStepDescription | 00400275 SQ RequestAttributesSequence
00401001 SH RequestedProcedureID | 00401002 LO ReasonForTheRequestedProcedure
0040A491 CS CompletionFlag | 0040A493 CS VerificationFlag | 00700080 CS ContentLabel
00700081 LO ContentDescription | 00700084 PN ContentCreatorName | 00880140 UI StorageMediaFileSetUID
7FE00010 OW PixelData
"""
_ROWS = [row.split() for row in _TABLE.replace("\n", "|").split("|") if row.strip()]
_TAGS = {keyword: int(tag, 16) for tag, _, keyword in _ROWS}
_KEYWORDS = {int(tag, 16): keyword for tag, _, keyword in _ROWS}
_VRS = {int(tag, 16): vr for tag, vr, _ in _ROWS}


def tag_of(name: str) -> int | None:
    """Return the tag of a keyword, or of a tag written as `ggggeeee` or `gggg,eeee`; None if unknown."""
    tag = _TAGS.get(name)
    if tag is not None:
        return tag
    written = _HEX_TAG.fullmatch(name)
    if written:
        return int(written[1] + written[2], 16)
    from pydicom.datadict import tag_for_keyword  # noqa: PLC0415 - slow to load and rarely needed

    return tag_for_keyword(name) if name else None  # some retired tags have no keyword


def keyword_of(tag: int) -> str:
    """Return the keyword of a tag; `ggggeeee` where the standard has none."""
    keyword = _KEYWORDS.get(tag)
    if keyword is not None:
        return keyword
    if not tag >> 16 & 1:
        from pydicom.datadict import keyword_for_tag  # noqa: PLC0415 - as above

        keyword = keyword_for_tag(tag)
    return keyword or f"{tag:08x}"


def vr_of(tag: int) -> str:
    """Return the VR of a tag, the last of several possible ones; `UN` where the standard has none."""
    vr = _VRS.get(tag)
    if vr is not None:
        return vr
    if tag >> 16 & 1:
        return "LO" if 0x10 <= tag & 0xFFFF <= 0xFF else "UN"  # noqa: PLR2004 - private creators, PS3.5 §7.8.1
    from pydicom.datadict import dictionary_has_tag, dictionary_VR  # noqa: PLC0415 - as above

    return dictionary_VR(tag).rpartition(" ")[2] if dictionary_has_tag(tag) else "UN"
