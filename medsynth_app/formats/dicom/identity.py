"""Of which patient, study and series a DICOM file is, told by keyed hashes alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from pydicom.dataset import Dataset

from medsynth_app.core.image import Identity
from medsynth_app.formats.dicom.elements import text


def identity_of(header: Dataset, salt: bytes) -> Identity:
    """Hashes of what the header states, keyed with the workspace's secret `salt`; see `Identity`.

    A name without a birth date tells no patient from another, so it makes no hash. A series is one of its patient,
    study and modality: its own number alone, which careless software gives twice, makes no two series one.
    """
    patient, study, series = patient_of(header), text(header, "StudyInstanceUID"), text(header, "SeriesInstanceUID")
    return Identity(_hash(salt, *patient) if patient else "", hashed(header, "StudyInstanceUID", salt),
                    _hash(salt, "series", series, study, text(header, "Modality"), *patient) if series else "")


def joined(names: Iterable[str], salt: bytes) -> str:
    """Hash of a series that no file names, or that several make up: of whatever names its parts, in any order."""
    return _hash(salt, "joined series", *sorted(names))


def patient_of(header: Dataset) -> tuple[str, ...]:
    """What tells this patient from others; empty where nothing does."""
    patient, issuer, name, birth = (
        text(header, keyword) for keyword in ("PatientID", "IssuerOfPatientID", "PatientName", "PatientBirthDate"))
    if patient:
        return "patient id", patient, issuer
    return ("patient name", name.rstrip("^"), birth) if name.rstrip("^") and birth else ()


def hashed(header: Dataset, keyword: str, salt: bytes) -> str:
    """Keyed hash of one UID of the header; empty where there is none."""
    uid = text(header, keyword)
    return _hash(salt, keyword, uid) if uid else ""


def _hash(salt: bytes, *parts: str) -> str:
    key = hashlib.blake2b(salt, digest_size=64).digest()  # of whatever length the secret is
    return hashlib.blake2b("\0".join(parts).encode("utf-8", "surrogateescape"), digest_size=16, key=key).hexdigest()
