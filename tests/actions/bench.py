"""A bench for tests: small images, packs without weights, and a worker's answers made by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
import tifffile
from PIL import Image

from medsynth_app.core.blend import effective_mask
from medsynth_app.core.bounds import Bounds
from medsynth_app.core.fill_report import fill_report
from medsynth_app.core.job import EventKind, JobEvent, JobRecord, JobState
from medsynth_app.core.jobs.generate import GenerateRequest
from medsynth_app.core.jobs.inpaint import InpaintRequest
from medsynth_app.core.jobs.stored import from_parts
from medsynth_app.core.jobs.table import kind_of
from medsynth_app.core.pack import MANIFEST, PackManifest, TrainingData
from medsynth_app.core.pack_files import InstalledPack, open_pack
from medsynth_app.core.provenance import Provenance
from medsynth_app.core.render import to_screen
from medsynth_app.core.window_level import WindowLevel
from medsynth_app.workspace.documents import Document
from medsynth_app.workspace.workspace import Workspace

Deliver = Callable[[JobRecord, JobEvent], Any]


def png(path: Path, rows: int = 60, columns: int = 80, seed: int = 0) -> Path:
    pixels = np.random.default_rng(seed).integers(0, 256, (rows, columns, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def two_cells(folder: Path) -> Path:
    """A data set of two cells: an eosinophil to learn from and a platelet to test with."""
    folder.mkdir()
    for seed, name in enumerate(("one.png", "two.png")):
        png(folder / name, 16, 16, seed)
    (folder / "labels.csv").write_text("file,class,split\none.png,eosinophil,train\ntwo.png,platelet,test\n")
    return folder


def grey_tiff(path: Path, rows: int = 60, columns: int = 80) -> Path:
    tifffile.imwrite(path, np.random.default_rng(1).integers(0, 4096, (rows, columns), dtype=np.uint16))
    return path


def volume(path: Path, frames: int = 3, rows: int = 50, columns: int = 40) -> Path:
    image = sitk.GetImageFromArray(
        np.random.default_rng(2).integers(-1000, 1000, (frames, rows, columns)).astype(np.int16))
    image.SetSpacing((0.5, 0.75, 2.0))
    sitk.WriteImage(image, str(path))
    return path


def seen(document: Document, frame: int, window: WindowLevel | None) -> npt.NDArray[np.uint8]:
    """The frame as it is rendered."""
    return to_screen(document.pixels(frame), document.info.frames[frame].rescale, window, document.info.inverted)


def make_pack(folder: Path, name: str = "cells", **changes: Any) -> InstalledPack:
    """A pack's manifest with one small file; enough for all but the worker."""
    place = folder / name
    place.mkdir(parents=True)
    (place / "weights.txt").write_text(name)
    import hashlib
    values: dict[str, Any] = {
        "name": name, "version": "1", "domain": "blood cells", "title": "Blood cells", "modalities": ("SM",),
        "colour": "rgb", "licence": "CC0-1.0", "native_size": 32,
        "training_data": (TrainingData("made up", "CC0-1.0", "none"),),
        "default_prompt": f"a {name} prompt", "remove_prompt": "background",
        "files": {"weights.txt": hashlib.sha256(name.encode()).hexdigest()}, **changes}
    (place / MANIFEST).write_text(PackManifest(**values).to_json())
    return open_pack(place)


def paint(document: Document, frame: int = 0, box: tuple[int, int, int, int] = (20, 30, 36, 44), value: int = 1,
          person: str = "") -> Bounds:
    from medsynth_app.actions.paint_mask import paint_mask
    bounds = Bounds(*box)
    before = document.mask(frame)[bounds.slices].copy()
    paint_mask(document, frame, bounds, before, np.full_like(before, value), "paint region", person)
    return bounds


def event(job_id: str, kind: EventKind, **values: Any) -> JobEvent:
    return JobEvent(job_id, kind, **values)


def record_of(workspace: Workspace, job_id: str, state: JobState = JobState.RUNNING) -> JobRecord:
    from dataclasses import replace
    found = next(record for record in workspace.jobs.records() if record.id == job_id)
    return replace(found, state=state)


def answer(workspace: Workspace, job_id: str, deliver: Deliver, end: bool = True) -> list[npt.NDArray[Any]]:
    """Deliver what a worker would send for this job; returns the patches or pictures."""
    request = from_parts(*workspace.jobs.load(job_id))
    sent = []
    for candidate in range(request.sampling.count if not hasattr(request, "recipe") else 0):
        arrays = _candidate(request, candidate)
        seed = request.sampling.seed_of(candidate)
        provenance = Provenance(
            action=kind_of(request).name, pack="cells 1", seed=seed,
            pack_sha256=request.model.sha256 if request.model is not None else "",
            created="2030-01-01",
            source=getattr(getattr(request, "image", request), "source", ""), largest_change_outside_mask=0,
            parameters={"prompt": request.conditioning.prompt, "mode": getattr(request, "mode", "")},
            report=_report(arrays), notices=getattr(request, "notices", ()))
        data = {"candidate": candidate, "seed": seed, "provenance": asdict(provenance), "report": provenance.report,
                "bounds": getattr(getattr(request, "image", None), "bounds", ()), "largest_change_outside_mask": 0}
        data["provenance"] = json.loads(json.dumps(data["provenance"]))
        deliver(record_of(workspace, job_id), event(job_id, EventKind.RESULT, arrays=arrays, data=data))
        sent.append(next(iter(arrays.values())))
    if end:
        workspace.jobs.update(job_id, JobState.DONE, "")
        deliver(record_of(workspace, job_id, JobState.DONE), event(job_id, EventKind.DONE))
    return sent


def _report(arrays: dict[str, npt.NDArray[Any]]) -> dict[str, Any] | None:
    found = fill_report(arrays["patch"], arrays["effective"]) if "effective" in arrays else None
    return None if found is None else found.to_dict()


def _candidate(request: Any, candidate: int) -> dict[str, npt.NDArray[Any]]:
    rng = np.random.default_rng(request.sampling.seed_of(candidate))
    if isinstance(request, GenerateRequest):
        drawn = {"picture": rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)}
        return drawn if request.conditioning.labels is None else {**drawn, "mask": request.conditioning.labels}
    assert isinstance(request, InpaintRequest)
    effective = effective_mask(request.image.mask, request.feather)
    low, high = request.image.stored_range
    drawn = rng.integers(low, high + 1, request.image.crop.shape).astype(request.image.crop.dtype)
    patch = np.where(effective if drawn.ndim == 2 else effective[..., None], drawn, request.image.crop)
    return {"patch": patch, "effective": effective, "alpha": effective.astype(np.float32)}
