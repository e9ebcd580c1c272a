"""What the DICOM standard says, without any network."""
