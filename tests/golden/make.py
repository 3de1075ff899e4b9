"""Make the golden results: pixels that a redesign of the program must leave as they are.

The data beside this file were made by the version at commit 3566271::

    cd <worktree of 3566271> && PYTHONPATH=$PWD python <this file> --root $PWD

All but "remove", which was drawn anew when grey fills were given the grain of their surroundings instead of white
noise; "vary" asks for no matching, which was then the default of grey images.

Everything goes through the command line, so that the same lines run before and after a module has moved; only the tiny
pack comes from `tests.engine.tiny`, and the record of its weights tells a changed pack from changed drawing. Its
tokenizer is replaced by the one in ``data/tokenizer``: the library that trains one numbers letters in another order
in every process, and then the same prompt is another to the model.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom
from PIL import Image
from pydicom import uid
from pydicom.dataset import Dataset, FileMetaDataset

DATA = Path(__file__).resolve().parent / "data"
PIXELS, ABOUT, TOKENIZER = DATA / "golden.npz", DATA / "golden.json", DATA / "tokenizer"
ROOT = Path(__file__).resolve().parents[2]
# One thread, and instructions that every x86-64 machine of the last ten years has, whoever made it: what is drawn shall
# depend on as little of the machine as can be. They also keep float32, for bfloat16 is then no faster.
PINNED = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2",
          "MKL_CBWR": "COMPATIBLE"}
PACKAGES = ("torch", "diffusers", "transformers", "tokenizers", "numpy", "scipy")
DRAWN_BY = ("torch", "diffusers", "transformers", "numpy", "system", "device", "instructions", "dtype", "autocast",
            "threads", "sparing_memory")
"""What of a record's environment the pixels depend on."""

_PACK = """
import sys
from pathlib import Path
import torch
import medsynth_app
from tests.engine.tiny import make_tiny_pack
torch.set_num_threads(1)
make_tiny_pack(Path(sys.argv[1]), with_control=True, with_masks=True)
print(medsynth_app.__file__)
"""

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Case:
    """One call of the command line.

    Attributes
    ----------
    arguments
        What it is given; ``{name}`` stands for a file of `write_inputs`.
    key
        Where its JSON answer lists what it wrote: "results", "pictures" or "pairs".
    """

    name: str
    arguments: tuple[str, ...]
    key: str


CASES = (
    Case("replace", ("inpaint", "{smear}", "--mask", "{region}", "--prompt", "a round cell", "--seed", "11",
                     "--steps", "5", "--count", "3", "--no-mark"), "results"),
    Case("follow", ("inpaint", "{smear}", "--mask", "{labels}", "--prompt", "a round cell", "--follow", "--seed", "3",
                    "--steps", "3", "--feather", "2", "--no-match-seam", "--no-mark"), "results"),
    Case("vary", ("inpaint", "{ct}", "--mask", "{region}", "--mode", "vary", "--strength", "0.6", "--seed", "21",
                  "--steps", "6", "--count", "2", "--no-match-seam"), "results"),
    Case("remove", ("inpaint", "{ct}", "--mask", "{region}", "--mode", "remove", "--match-seam", "--seed", "31",
                    "--steps", "4"), "results"),
    Case("prompt", ("generate", "--prompt", "a round cell", "--negative", "nothing", "--seed", "5", "--steps", "5",
                    "--count", "3", "--no-mark"), "pictures"),
    Case("mask", ("generate", "--prompt", "a round cell", "--mask", "{labels}", "--seed", "7", "--steps", "4",
                  "--count", "2", "--width", "40", "--height", "32"), "pictures"),  # with the visible mark
    Case("pairs", ("generate", "pairs", "--prompt", "a round cell", "--seed", "9", "--steps", "3", "--count", "2"),
         "pairs"),
)


def write_inputs(folder: Path) -> dict[str, Path]:
    """The images and masks that the cases begin with, the same every time."""
    rows, columns = 44, 52
    rng = np.random.default_rng(4)
    across = np.linspace(0, 1, columns)[None, :] + np.linspace(0, 1, rows)[:, None]
    smear = np.stack([90 + 60 * across, 200 - 70 * across, 120 + 20 * across], -1) + rng.integers(-9, 10,
                                                                                                 (rows, columns, 3))
    region = np.zeros((rows, columns), np.uint8)
    region[12:31, 14:37] = 1
    labels = region.copy()
    labels[17:25, 20:30] = 2
    ct = 1064 + 80 * np.sin(6 * across) + rng.integers(-20, 21, (rows, columns))
    ct[:4], ct[-4:] = 24, 2500  # air and bone, outside the window
    paths = {name: folder / f"{name}.png" for name in ("smear", "region", "labels")} | {"ct": folder / "ct.dcm"}
    for name, pixels in (("smear", smear), ("region", region), ("labels", labels)):
        Image.fromarray(np.asarray(pixels, np.uint8)).save(paths[name])
    _ct_slice(np.rint(ct).astype("<u2")).save_as(paths["ct"], enforce_file_format=True)
    return paths


def _ct_slice(pixels: Array) -> Dataset:
    """Twelve stored bits of sixteen, with a rescale to HU and a window of its own."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.SOPInstanceUID = uid.CTImageStorage, "1.2.826.0.1.3680043.8.498.77.1"
    dataset.SeriesInstanceUID, dataset.StudyInstanceUID = "1.2.826.0.1.3680043.8.498.77", "1.2.826.0.1.3680043.8.498.7"
    dataset.PatientName, dataset.PatientID, dataset.Modality = "", "golden", "CT"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.SeriesNumber, dataset.InstanceNumber = 1, 1
    dataset.PixelSpacing, dataset.SliceThickness = [0.7, 0.7], 4
    dataset.ImagePositionPatient, dataset.ImageOrientationPatient = [0, 0, 0], [1, 0, 0, 0, 1, 0]
    dataset.RescaleSlope, dataset.RescaleIntercept = "1", "-1024"
    dataset.WindowCenter, dataset.WindowWidth = 40, 400
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
    dataset.PixelData = pixels.tobytes()
    return dataset


def make_pack(folder: Path, root: Path = ROOT) -> dict[str, str]:
    """Write the tiny pack with its ControlNet and its model of masks; the sha256 of its weights by file.

    In a process of its own: random weights differ in their last bit from one set of instructions to another.
    """
    done = subprocess.run([sys.executable, "-c", _PACK, str(folder)], cwd=root, env=environment(root), check=False,
                          capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"the tiny pack could not be made: {done.stderr}")
    print("pack made by", done.stdout.strip().splitlines()[-1], file=sys.stderr)
    manifest = folder / "pack.json"
    about = json.loads(manifest.read_text(encoding="utf-8"))
    if "intensity_ranges" in about:  # before, a CT was seen through its window, which was this
        about["intensity_ranges"] = {"CT": {"low": -160, "high": 240}}
    for path in TOKENIZER.iterdir():
        content = path.read_bytes()
        (folder / "tokenizer" / path.name).write_bytes(content)
        about["files"][f"tokenizer/{path.name}"] = hashlib.sha256(content).hexdigest()
    manifest.write_text(json.dumps(about), encoding="utf-8")
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*.safetensors"))}


def command(case: Case, pack: Path, inputs: dict[str, Path], out: Path) -> list[str]:
    """What the command line is given for a case."""
    return [*(item.format(**inputs) for item in case.arguments), "--pack", str(pack), "--device", "cpu", "--out",
            str(out), "--json"]


def draw(case: Case, pack: Path, inputs: dict[str, Path], out: Path, root: Path = ROOT) -> tuple[
        dict[str, Array], dict[str, Any]]:
    """Run one case; the pixels of what it wrote, and what it says of itself."""
    done = subprocess.run([sys.executable, "-m", "medsynth_app", *command(case, pack, inputs, out)], cwd=root,
                          env=environment(root), check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{case.name}: {done.stdout} {done.stderr}")
    return taken(case, json.loads(done.stdout))


def taken(case: Case, answer: dict[str, Any]) -> tuple[dict[str, Array], dict[str, Any]]:
    """The pixels of what a case wrote, and what it says of itself."""
    pixels: dict[str, Array] = {}
    drawn_by: dict[str, Any] = {}
    for item in answer[case.key]:
        file = Path(item["file"])
        pixels[f"{case.name}-{item['candidate']}"] = read(file)
        if "mask" in item and case.key != "results":    # that of a fill is what it was given
            pixels[f"{case.name}-{item['candidate']}-mask"] = read(Path(item["mask"]))
        drawn_by = _environment_in(file)
    told = [_told(item) for item in answer[case.key]]
    return pixels, {"told": told, "drawn_by": {name: drawn_by[name] for name in DRAWN_BY}}


def _told(item: dict[str, Any]) -> dict[str, Any]:
    """What does not change with the program; the step at the seam stood alone before it was part of a report."""
    if item.get("report") is not None:
        item = {**item, "seam": item["report"]["inside"]["edge"]}
    return {name: item[name] for name in ("candidate", "seed", "seam", "largest_change_outside_mask") if name in item}


def read(file: Path) -> Array:
    """Stored values of a PNG or a DICOM file."""
    if file.suffix == ".dcm":
        return np.array(pydicom.dcmread(file).pixel_array)
    with Image.open(file) as image:
        return np.asarray(image)


def _environment_in(file: Path) -> dict[str, Any]:
    """Versions and the like from the record beside a file; inside it where a data set has none beside."""
    beside = file.with_name(f"{file.name}.provenance.json")
    if beside.exists():
        record = json.loads(beside.read_text(encoding="utf-8"))
    else:
        with Image.open(file) as image:
            record = next(json.loads(text) for text in image.info.values()
                          if isinstance(text, str) and text.startswith("{") and '"environment"' in text)
    found: dict[str, Any] = record["environment"]
    return found


def environment(root: Path) -> dict[str, str]:
    """Variables of a process that draws."""
    return {**os.environ, **PINNED, "PYTHONPATH": str(root)}


def machine() -> dict[str, Any]:
    """What else the pixels depend on: versions, and who made the processor (its mathematics may round otherwise)."""
    vendor = ""
    info = Path("/proc/cpuinfo")
    if info.exists():
        vendor = next((line.partition(":")[2].strip() for line in info.read_text(errors="replace").splitlines()
                       if line.startswith("vendor_id")), "")
    return {"vendor": vendor or platform.machine(), **{name: version(name) for name in PACKAGES}}


def draw_all(folder: Path, root: Path = ROOT) -> tuple[dict[str, Array], dict[str, Any]]:
    """Everything, in an empty folder: pixels by name, and the record of how they came about."""
    inputs = write_inputs(folder)
    about: dict[str, Any] = {"machine": machine(), "pinned": PINNED, "pack": make_pack(folder / "pack", root)}
    pixels: dict[str, Array] = {}
    for case in CASES:
        drawn, about[case.name] = draw(case, folder / "pack", inputs, folder / f"out-{case.name}", root)
        pixels |= drawn
    return pixels, about


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, default=ROOT, help="the worktree whose program draws")
    parser.add_argument("--out", type=Path, default=DATA, help="folder for golden.npz and golden.json")
    given = parser.parse_args()
    root = given.root.resolve()
    with tempfile.TemporaryDirectory() as folder:
        pixels, about = draw_all(Path(folder), root)
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=True)
    given.out.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(given.out / PIXELS.name, **pixels)
    (given.out / ABOUT.name).write_text(json.dumps({"commit": commit.stdout.strip(), **about}, indent=1) + "\n",
                                        encoding="utf-8")


if __name__ == "__main__":
    main()
