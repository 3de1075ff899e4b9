"""Small whole files of the kinds that are not DICOM, to be mutated: one of each way to store pixels that is read."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import tifffile
from PIL import Image

from medsynth_app.core.pack import PackManifest, TrainingData
from tests.formats.test_nifti_header import header
from tests.formats.test_tiff_layout import tiff

GREY = (np.add.outer(np.arange(20), 5 * np.arange(24)) % 256).astype(np.uint8)
RGB = np.dstack([GREY, GREY[::-1], GREY[:, ::-1]])
RGBA = np.dstack([RGB, 255 - GREY])
DEEP = GREY.astype(np.uint16) * 16


def png(folder: Path) -> list[Path]:
    exif = Image.Exif()
    exif[0x0112] = 6
    made = [Image.fromarray(RGB).convert(mode) for mode in ("L", "RGB", "RGBA", "LA", "P", "1")]
    paths = [folder / f"{k}.png" for k in range(len(made) + 4)]
    for path, picture in zip(paths, made, strict=False):
        picture.save(path, exif=exif)
    Image.fromarray(GREY).convert("P").save(paths[-4], transparency=3)
    for path, pixels in zip(paths[-3:], (DEEP, np.dstack([DEEP] * 2), np.dstack([DEEP] * 3)), strict=True):
        path.write_bytes(imagecodecs.png_encode(pixels))
    return paths


def jpeg(folder: Path) -> list[Path]:
    exif = Image.Exif()
    exif[0x0112] = 5
    paths = []
    for mode in ("L", "RGB", "CMYK"):
        for scans in (False, True):
            paths.append(folder / f"{mode}{scans}.jpg")
            Image.fromarray(RGB).convert(mode).save(paths[-1], progressive=scans, exif=exif)
    return paths


def tiffs(folder: Path) -> list[Path]:
    turned = [(274, "H", 1, 6, True)]
    made = [
        (DEEP, {}), (DEEP.astype(">i2"), {"byteorder": ">"}), (RGB, {"compression": "lzw", "predictor": True}),
        (GREY, {"tile": (16, 16), "compression": "deflate", "extratags": turned}), (GREY / np.float32(7), {}),
        (RGB, {"compression": "jpeg", "photometric": "rgb"}), (GREY > 99, {}), (GREY.astype(np.int64), {}),
        (RGBA, {"photometric": "rgb", "extrasamples": ["assocalpha"], "extratags": turned}),
        (np.dstack([DEEP] * 3), {"photometric": "rgb", "tile": (16, 16)}),
        (np.moveaxis(RGBA, 2, 0), {"photometric": "minisblack", "planarconfig": "separate"}),
        (GREY, {"photometric": "palette", "colormap": np.arange(768, dtype=np.uint16).reshape(3, 256)}),
        (np.stack([DEEP] * 4), {"imagej": True, "metadata": {"axes": "ZYX", "unit": "um", "spacing": 2}}),
    ]
    paths = []
    for k, (pixels, options) in enumerate(made):
        paths.append(folder / f"{k}.tif")
        tifffile.imwrite(paths[-1], pixels, **options)
    paths.append(folder / "a.ome.tif")
    tifffile.imwrite(paths[-1], np.stack([DEEP] * 2), metadata={
        "axes": "CYX", "PhysicalSizeX": 2, "PhysicalSizeY": 2, "Channel": {"Name": ["a", "b"]}})
    chroma = {256: 24, 257: 20, 258: [8, 8, 8], 262: 6, 277: 3, 278: 8, 284: 1, 530: (2, 2)}
    units = np.arange(4 * 12 * 6, dtype=np.uint8).tobytes()
    for compression, pack in ((1, bytes), (8, zlib.compress)):
        paths.append(tiff(folder / f"chroma{compression}.tif", {**chroma, 259: compression}, [pack(units)] * 3))
    return paths


def nifti(folder: Path) -> list[Path]:
    values = np.arange(960).reshape(4, 12, 20)
    paths = []
    for k, (dtype, order, fields) in enumerate((
            ("i2", "<", {}), ("i2", ">", {"magic": b"n+2"}), ("f4", "<", {"scale": (2, 1), "codes": (1, 0)}),
            ("u1", "<", {"codes": (0, 0)}), ("i8", "<", {}), ("u1", "<", {"datatype": 128, "dim": (20, 4, 4)}))):
        data = header(fields.pop("dim", (20, 12, 4)), dtype, order, **fields) + values.astype(order + dtype).tobytes()
        for ending in (".nii", ".nii.gz"):
            paths.append(folder / f"{k}{ending}")
            paths[-1].write_bytes(gzip.compress(data) if ending == ".nii.gz" else data)
    return paths


def packs(folder: Path) -> list[Path]:
    manifest = PackManifest(
        "cells", "1", "blood", "Cells", ("SM",), "rgb", "CC0", 128, (TrainingData("set", "CC0", "someone", 9),),
        mask_labels=("nucleus",), mean_colour=(1.0, 2.0, 3.0), training={"base": {"steps": 9}},
        files={"unet/config.json": "0" * 64})
    paths = [folder / "pack.json"]
    paths[0].write_text(manifest.to_json())
    return paths

