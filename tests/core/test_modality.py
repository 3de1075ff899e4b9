"""Modalities in words."""

from __future__ import annotations

from medsynth_app.core.modality import in_words, listed


def test_codes_are_said_in_words_and_others_as_they_are() -> None:
    assert in_words("SM") == "slide microscopy" and in_words("MR") == "MRI"
    assert in_words("CT") == "CT" and in_words("a code of a vendor") == "a code of a vendor"
    assert listed(("CR", "DX", "CT")) == "X-ray, CT" and listed(()) == ""
