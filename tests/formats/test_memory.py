"""How much memory a reader holds at most: measured in a process of its own, for each kind of file."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from medsynth_app.formats.common import PEAK, TooLarge
from medsynth_app.formats.registry import open_image
from tests.formats.test_nifti_header import header

SIDE = 2400
GREY = (np.add.outer(np.arange(SIDE), np.arange(SIDE)) // 16 % 256).astype(np.uint8)
RGB = np.dstack([GREY, GREY.T, GREY[::-1]])
RGBA = np.dstack([RGB, GREY[:, ::-1]])
TURNED = Image.Exif()
TURNED[0x0112] = 6

CHILD = """
import sys
from pathlib import Path
import imagecodecs, PIL.Image, PIL.JpegImagePlugin, PIL.PngImagePlugin, tifffile
from medsynth_app.formats import nifti, raster, registry, tiff

def kilobytes(name):
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(name))

for path in sys.argv[1:]:
    Path("/proc/self/clear_refs").write_text("5")  # the highest so far is what is held now
    before = kilobytes("VmRSS")
    source = registry.open_image(Path(path))
    print((kilobytes("VmHWM") - before) * 1024)
    del source
"""


def _nifti(path: Path, values: np.ndarray[Any, Any], **fields: Any) -> None:
    data = header((SIDE, SIDE), values.dtype.str[1:], **fields) + values.tobytes()
    path.write_bytes(gzip.compress(data, 1) if path.suffix == ".gz" else data)


KINDS: dict[str, tuple[Callable[[Path], object], int]] = {  # file: how it is made, bytes of a pixel as it is decoded
    "grey.png": (lambda path: Image.fromarray(GREY).save(path, compress_level=1), 1),
    "bits.png": (lambda path: Image.fromarray(GREY > 99).save(path), 1),
    "table.png": (lambda path: Image.fromarray(GREY).convert("P").save(path, compress_level=1), 3),
    "alpha.png": (lambda path: Image.fromarray(RGBA).save(path, compress_level=1), 4),
    "turned.png": (lambda path: Image.fromarray(RGB).save(path, compress_level=1, exif=TURNED), 3),
    "deep.png": (lambda path: path.write_bytes(imagecodecs.png_encode(RGB.astype(np.uint16) * 99, level=1)), 6),
    "deep-grey.png": (lambda path: path.write_bytes(imagecodecs.png_encode(GREY.astype(np.uint16) * 99, level=1)), 2),
    "grey.jpg": (lambda path: Image.fromarray(GREY).save(path), 1),
    "turned.jpg": (lambda path: Image.fromarray(RGB).save(path, exif=TURNED), 3),
    "scans.jpg": (lambda path: Image.fromarray(RGB).save(path, progressive=True), 3),
    "alpha.tif": (lambda path: tifffile.imwrite(path, RGBA, photometric="rgb", extrasamples=["unassalpha"]), 4),
    "deep.tif": (lambda path: tifffile.imwrite(path, RGB.astype(np.uint16) * 9, photometric="rgb", compression=8), 6),
    "decimals.tif": (lambda path: tifffile.imwrite(path, GREY / np.float32(3)), 4),
    "wide.tif": (lambda path: tifffile.imwrite(path, GREY.astype(np.int64)), 8),
    "planes.tif": (lambda path: tifffile.imwrite(path, np.moveaxis(RGBA, 2, 0), photometric="minisblack",
                                                 planarconfig="separate"), 4),
    "whole.nii": (lambda path: _nifti(path, GREY.astype(">i2"), order=">"), 2),
    "decimals.nii.gz": (lambda path: _nifti(path, GREY / np.float32(3)), 4),
}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks Linux for the peak")
def test_no_reader_holds_more_than_three_times_what_it_decodes(tmp_path: Path) -> None:
    for name, (make, _) in KINDS.items():
        make(tmp_path / name)
    said = subprocess.run([sys.executable, "-c", CHILD, *(str(tmp_path / name) for name in KINDS)],
                          capture_output=True, text=True, check=True,
                          env={**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536"})  # what is freed goes back at once
    peaks = {name: int(line) / (SIDE * SIDE * size) for (name, (_, size)), line in
             zip(KINDS.items(), said.stdout.split(), strict=True)}
    assert not {name: peak for name, peak in peaks.items() if not 0.9 < peak <= PEAK}, peaks


def test_a_jpeg_in_scans_is_asked_for_by_what_its_decoder_holds(tmp_path: Path) -> None:
    Image.fromarray(RGB[:400, :500]).save(tmp_path / "a.jpg", progressive=True, subsampling=0)
    Image.fromarray(RGB[:400, :500]).save(tmp_path / "b.jpg", subsampling=0)
    with pytest.raises(TooLarge) as caught:
        open_image(tmp_path / "a.jpg", allow_bytes=400 * 500 * 3)
    assert caught.value.bytes == 400 * 500 * 10
    assert open_image(tmp_path / "b.jpg", allow_bytes=400 * 500 * 3).pixels(0).shape == (400, 500, 3)
