"""DICOM's codes for modalities, as people say them."""

from __future__ import annotations

from collections.abc import Iterable

from medsynth_app.core.words import _

# PS3.16, CID 29 and CID 33; codes that people say themselves (CT) are not listed
_WORDS = {"MR": _("MRI"), "US": _("ultrasound"), "DX": _("X-ray"), "CR": _("X-ray"), "RF": _("fluoroscopy"),
          "XA": _("angiography"), "MG": _("mammography"), "PT": _("PET"), "NM": _("nuclear medicine"),
          "SM": _("slide microscopy"), "GM": _("microscopy"), "ES": _("endoscopy"), "XC": _("photography"),
          "OP": _("fundus photography"), "OPT": _("optical coherence tomography"), "OT": _("other")}


def in_words(code: str) -> str:
    """A Defined Term of Modality (0008,0060) in a word; itself where it has none."""
    return _WORDS.get(code, code)


def listed(codes: Iterable[str]) -> str:
    """Several in words, each once: "slide microscopy, microscopy"."""
    return ", ".join(dict.fromkeys(in_words(code) for code in codes))
