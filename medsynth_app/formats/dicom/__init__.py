"""DICOM: read, sorted into series, written as synthetic."""

from medsynth_app.formats.kinds import Kind, name_of

KIND = name_of(Kind.DICOM)  # what people call a file of it
