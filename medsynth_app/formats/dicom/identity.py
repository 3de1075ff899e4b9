"""Of which patient, study and series a DICOM file is, told by keyed hashes alone."""

from __future__ import annotations

import hashlib

from pydicom.dataset import Dataset

from medsynth_app.core.image import Identity


def identity_of(header: Dataset, salt: bytes) -> Identity:
    """Hashes of what the header states, keyed with the workspace's secret `salt`; see `Identity`.

    A name without a birth date tells no patient from another, so it makes no hash.
    """
    patient, issuer, name, birth = (
        _text(header, keyword) for keyword in ("PatientID", "IssuerOfPatientID", "PatientName", "PatientBirthDate"))
    who: tuple[str, ...] = ()
    if patient:
        who = ("patient id", patient, issuer)
    elif name.rstrip("^") and birth:
        who = ("patient name", name.rstrip("^"), birth)
    return Identity(_hash(salt, *who) if who else "", hashed(header, "StudyInstanceUID", salt),
                    hashed(header, "SeriesInstanceUID", salt))


def hashed(header: Dataset, keyword: str, salt: bytes) -> str:
    """Keyed hash of one UID of the header; empty where there is none."""
    uid = _text(header, keyword)
    return _hash(salt, keyword, uid) if uid else ""


def _hash(salt: bytes, *parts: str) -> str:
    key = hashlib.blake2b(salt, digest_size=64).digest()  # of whatever length the secret is
    return hashlib.blake2b("\0".join(parts).encode("utf-8", "surrogateescape"), digest_size=16, key=key).hexdigest()


def _text(header: Dataset, keyword: str) -> str:
    try:
        return str(header.get(keyword) or "").strip(" \0")
    except Exception:  # a damaged element: pydicom raises many kinds, and one bad element must not hide the image
        return ""
