"""Canaries: private names of libraries that we override or call, as they are in the versions that pyproject allows.

When one of these fails after an upgrade, look at the code that it names before the bound in pyproject is lifted.
"""

from __future__ import annotations

import inspect
import tomllib
from io import BytesIO
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BOUND = ("napari", "diffusers", "pydicom")


@pytest.mark.parametrize("library", BOUND)
def test_a_library_whose_private_names_we_use_has_an_upper_bound(library: str) -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert [text for text in listed if text.startswith(library) and "<" in text], library


def test_the_fill_pipeline_of_diffusers_encodes_through_one_method() -> None:
    """For `engine.diffusion.pipelines._ControlNetInpaintPipeline`."""
    from diffusers import StableDiffusionControlNetInpaintPipeline as Pipeline

    assert list(inspect.signature(Pipeline._encode_vae_image).parameters) == ["self", "image", "generator"]
    assert inspect.getsource(Pipeline).count("self._encode_vae_image(") >= 2


def test_pydicom_reads_the_meta_information_of_a_stream() -> None:
    """For `formats.dicom.header`: the public way takes a file's name alone."""
    from pydicom.filereader import _read_file_meta_info

    assert list(inspect.signature(_read_file_meta_info).parameters) == ["fp"]
    element = b"\x02\x00\x10\x00UI\x12\x001.2.840.10008.1.2\x00\x00\x00"
    assert str(_read_file_meta_info(BytesIO(element)).TransferSyntaxUID).startswith("1.2.840.10008.1.2")
