"""DICOMweb (PS3.18) as a source and a destination: QIDO-RS, WADO-RS and STOW-RS."""
