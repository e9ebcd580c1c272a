"""Move DICOM images in bulk: complete, de-identified, resumable."""
