"""DICOM: read, sorted into series, written as synthetic."""
