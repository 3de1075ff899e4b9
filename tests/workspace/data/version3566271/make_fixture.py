"""Make ``workspace.zip``, ``expected.json`` and ``masks.npz``: a workspace as the version at commit 3566271 left it.

It was run once, in a worktree of that commit, with that version's own modules::

    cd <worktree of 3566271> && PYTHONPATH=$PWD python <this file>

It is kept to say how the fixture came about; later versions neither can nor should run it. The workspace is as a
killed program leaves it: most masks are in the journal alone, one has a snapshot and steps after it, one a snapshot of
its last step. Two things are not as a person's workspace would have them. The images stood at made-up paths
(``/data/...``), so that no path of the machine is in the database. And the clock of the queue was set far ahead, for a
workspace drops jobs that ended a month ago, which the test of it shall never see happen. The backups (copies of the
database) were left out.
"""

# Ruff takes modules of the program that have gone for a library's and would sort them anew; until then no noqa is due.
# ruff: noqa: I001, RUF100

from __future__ import annotations

import json
import shutil
import sqlite3
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from PIL import Image
from pydicom import uid
from pydicom.dataset import Dataset, FileMetaDataset

import medsynth_app
from medsynth_app.actions.accept_result import accept_result
from medsynth_app.actions.discard_result import discard_result
from medsynth_app.actions.embed import Pictures, embed, embed_request
from medsynth_app.actions.generate import generate
from medsynth_app.actions.inpaint import inpaint, inpaint_request
from medsynth_app.actions.paint_mask import paint_mask
from medsynth_app.actions.people import switch_person
from medsynth_app.actions.receive import receive
from medsynth_app.actions.train import train
from medsynth_app.core.blend import effective_mask, feather_alpha
from medsynth_app.core.bounds import Bounds
from medsynth_app.core.errors import UserError
from medsynth_app.core.job import EventKind, JobEvent, JobState
from medsynth_app.core.labels import SCHEMAS, LabelSchema
from medsynth_app.core.pack import PackManifest
from medsynth_app.core.parameters import GenerateParameters, InpaintParameters
from medsynth_app.core.provenance import Provenance
from medsynth_app.core.requests import TrainRequest, from_parts
from medsynth_app.core.window_level import WindowLevel
from medsynth_app.formats.pack import InstalledPack
from medsynth_app.formats.registry import open_image
from medsynth_app.jobs import ledger
from medsynth_app.jobs.queue import JobQueue
from medsynth_app.session.windows import to_plain
from medsynth_app.workspace.documents import Document
from medsynth_app.workspace.workspace import Workspace

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))
import looking  # noqa: E402  (beside the tests of the workspace; its namesake in the old worktree does not exist)

ORG = "1.2.826.0.1.3680043.8.498.3566271"
WINDOW = WindowLevel(40, 400, "Soft tissue")
NAMES = ("head", "neck", "knee", "cell", "volume")
FILES = {"head": "head", "neck": "neck", "knee": "knee", "cell": "cell.png", "volume": "volume.nii"}


class FarAhead(datetime):
    """A clock that ticks a second at every look, in a year whose jobs nobody prunes."""

    looks = 0

    @classmethod
    def now(cls, tz: Any = None) -> datetime:
        cls.looks += 1
        return datetime(2999, 1, 1, tzinfo=UTC) + timedelta(seconds=cls.looks)


def write_images(folder: Path) -> None:
    """Two series of one study, another patient's series, a picture and a volume."""
    rng = np.random.default_rng(35)
    for name, patient, study, series, modality, count in (
            ("head", "one", 1, 3, "CT", 3), ("neck", "one", 1, 4, "CT", 2), ("knee", "two", 2, 3, "MR", 2)):
        (folder / name).mkdir(parents=True)
        for number in range(1, count + 1):
            _slice(rng, patient, study, series, modality, number).save_as(
                folder / name / f"{number}.dcm", enforce_file_format=True)
    Image.fromarray(rng.integers(0, 256, (36, 48, 3), dtype=np.uint8)).save(folder / "cell.png")
    volume = sitk.GetImageFromArray(rng.integers(-900, 900, (3, 30, 34)).astype(np.int16))
    volume.SetSpacing((0.5, 0.75, 2.0))
    sitk.WriteImage(volume, str(folder / "volume.nii"))


def _slice(rng: np.random.Generator, patient: str, study: int, series: int, modality: str, number: int) -> Dataset:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    dataset.SOPClassUID = uid.CTImageStorage if modality == "CT" else uid.MRImageStorage
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = f"{ORG}.{study}", f"{ORG}.{study}.{series}"
    dataset.SOPInstanceUID = f"{ORG}.{study}.{series}.{number}"
    dataset.PatientName, dataset.PatientID, dataset.Modality = "", f"fixture-{patient}", modality
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.SeriesNumber, dataset.InstanceNumber = series, number
    dataset.PixelSpacing, dataset.SliceThickness = [0.7, 0.5], 4
    dataset.ImagePositionPatient, dataset.ImageOrientationPatient = [0, 0, 4.0 * number], [1, 0, 0, 0, 1, 0]
    if modality == "CT":
        dataset.RescaleSlope, dataset.RescaleIntercept = "1.5", "-1000"
    dataset.WindowCenter, dataset.WindowWidth = [40, -600], [400, 1500]
    dataset.Rows, dataset.Columns = 40, 56
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
    dataset.PixelData = rng.integers(0, 4096, (40, 56)).astype("<u2").tobytes()
    return dataset


@dataclass
class Maker:
    """Work in a workspace, as two readers would do it."""

    workspace: Workspace
    images: Path
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(71))

    def __post_init__(self) -> None:
        self.queue = JobQueue(self.workspace.jobs, lambda record, event: None)  # never started: what is queued waits
        self.b = switch_person(self.workspace, "Reader B").id
        self.a = switch_person(self.workspace, "Reader A").id
        manifest = PackManifest(
            "tiny", "0.0.1", "test", "Tiny model", ("SM", "CT", "MR"), "rgb", "CC0-1.0", 32, (),
            default_prompt="a round cell", remove_prompt="nothing but background", mask_labels=("body", "core"),
            files={"controlnet/config.json": "0" * 64, "unet/config.json": "1" * 64})
        self.pack = InstalledPack(Path("/data/packs/tiny"), manifest)
        self.encoder = InstalledPack(Path("/data/packs/encoder"), replace(manifest, name="encoder", kind="encoder"))

    def open(self, name: str, part: str = "") -> Document:
        """Open an image as if it stood in ``/data/images``."""
        place = self.images / FILES[name] / part
        return self.workspace.documents.open(open_image(place, salt=self.workspace.salt),
                                             Path("/data/images") / FILES[name] / part)

    def paint(self, document: Document, frame: int, count: int, persons: tuple[str, ...]) -> None:
        """Strokes of chance; every fifth turn somebody goes back a step or two, and now and then forward again."""
        rows, columns = document.mask(frame).shape
        for number in range(count):
            person = persons[int(self.rng.integers(len(persons)))]
            top, left = int(self.rng.integers(0, rows - 6)), int(self.rng.integers(0, columns - 8))
            bounds = Bounds(top, left, top + int(self.rng.integers(2, 7)), left + int(self.rng.integers(2, 9)))
            before = document.mask(frame)[bounds.slices].copy()
            value = int(self.rng.integers(0, 4))
            after = np.where(self.rng.random(before.shape) < 0.8, value, before).astype(np.uint8)
            paint_mask(document, frame, bounds, before, after, f"paint {value}" if value else "erase", person)
            if number % 5 == 4:
                self.turn(document, person, int(self.rng.integers(1, 3)), int(self.rng.integers(0, 2)))

    def turn(self, document: Document, person: str, back: int, forth: int) -> None:
        for times, step in ((back, document.undo), (forth, document.redo)):
            for _ in range(times):
                try:
                    step(person)
                except UserError:  # somebody else's stroke lies over it
                    return

    def inpaint(self, document: Document, frame: int, person: str, **changes: Any) -> str:
        values = {"prompt": "a round cell", "count": 3, "seed": 100 + frame, "steps": 4, **changes}
        window = None if document.info.colour == "rgb" else WINDOW
        meant = {1: 1, 2: 2, 3: 0} if values.get("follow") else None
        request = inpaint_request(document, frame, InpaintParameters(**values), self.pack, window, meant=meant)
        return inpaint(self.queue, request, person=person)

    def finish(self, job_id: str) -> None:
        """What a worker would send of a job that draws, and its end."""
        request: Any = from_parts(*self.workspace.jobs.load(job_id))
        record = next(item for item in self.workspace.jobs.records() if item.id == job_id)
        for candidate in range(request.count):
            rng = np.random.default_rng(request.seed + candidate)
            data: dict[str, Any] = {"candidate": candidate, "seed": request.seed + candidate}
            provenance = Provenance(
                request.kind, "tiny", request.pack_sha256, request.seed + candidate, "2026-01-01T00:00:00+00:00",
                source=request.source, parameters={"prompt": request.prompt, "steps": request.steps},
                environment={"torch": "2.0", "threads": 1}, notices=getattr(request, "notices", ()))
            if request.kind == "inpaint":
                effective = effective_mask(request.mask, request.feather)
                low, high = request.stored_range
                drawn = rng.integers(low, high + 1, request.crop.shape).astype(request.crop.dtype)
                chosen = effective if drawn.ndim == 2 else effective[..., None]
                arrays = {"patch": np.where(chosen, drawn, request.crop), "effective": effective,
                          "alpha": feather_alpha(request.mask, request.feather)}
                data["seam"] = 0.25 + candidate
                provenance = replace(provenance, seam=data["seam"], largest_change_outside_mask=0)
            else:
                arrays = {"picture": rng.integers(0, 256, (32, 40, 3), dtype=np.uint8)}
                if request.mask is not None:
                    arrays["mask"] = request.mask[:32, :40]
            data["provenance"] = json.loads(json.dumps(provenance.to_dict()))
            receive(self.workspace, record, JobEvent(job_id, EventKind.RESULT, arrays=arrays, data=data))
        self.end(job_id, JobState.DONE)

    def end(self, job_id: str, state: JobState, message: str = "") -> None:
        self.workspace.jobs.update(job_id, state, message)

    def train(self, name: str, part: str = "base") -> str:
        place = "/data/training"
        return train(self.queue, TrainRequest(
            f"{place}/{name}.toml", f"{place}/{name}.training/set", f"{place}/{name}", part,
            "" if part == "base" else "/data/packs/tiny", f"{place}/{name}.training/checkpoints", 30.0), person=self.b)

    def embed(self, count: int, boxes: bool) -> str:
        listed = Pictures(tuple(f"cell-{k}" for k in range(count)),
                          tuple(Path(f"/data/cells/{k}.png") for k in range(count)),
                          np.arange(count * 4, dtype=np.int64).reshape(count, 4) if boxes else None)
        request = embed_request(self.encoder, listed, Path("/data/cells/all.npz"), crop=0.5, device="cpu")
        return embed(self.queue, request, person=self.a)

    def work(self) -> None:
        """Everything."""
        first = self.open("head", "2.dcm")  # one slice alone, before its series
        self.paint(first, 0, 4, (self.a, ""))
        first.close()
        documents = {name: self.open(name) for name in NAMES}
        head, neck, knee, cell, volume = documents.values()
        self.paint(head, 1, 64, (self.a, self.b))
        self.paint(head, 0, 7, (self.a, self.b, ""))
        self.paint(head, 2, 5, (self.b,))
        for document, frame, count in ((neck, 0, 12), (neck, 1, 6), (knee, 1, 9), (cell, 0, 14), (volume, 2, 8)):
            self.paint(document, frame, count, (self.a, self.b))
        self._draw(head, 0, self.a)
        self._draw(cell, 0, self.b)
        again = self._draw(knee, 1, self.a)
        self.paint(head, 1, 3, (self.b,))
        self.turn(head, self.b, 2, 1)
        self.turn(neck, self.a, 3, 0)
        self.turn(knee, self.a, 1, 0)  # the accepted result is staged again, and can be redone
        assert self.workspace.results.get(again).state == "staged"
        self._pictures(head)
        self._jobs(documents)
        for name, document, frame, schema in (
                ("head", head, 1, SCHEMAS["blood cells"]), ("neck", neck, 0, SCHEMAS["region"]),
                ("cell", cell, 0, LabelSchema.from_names("tiny", ("body", "core")))):
            for key, value in (("window", None if name == "cell" else to_plain(WINDOW)), ("frame", frame),
                               ("pack", "tiny"), ("schema", schema.to_plain())):
                self.workspace.documents.remember(document.id, key, value)
        self.documents = documents

    def _draw(self, document: Document, frame: int, person: str) -> str:
        """Three candidates: one is accepted, one stays staged, one is discarded; the accepted one."""
        job = self.inpaint(document, frame, person)
        self.finish(job)
        made = [item for item in self.workspace.results.of_document(document.id) if item.job_id == job]
        discard_result(self.workspace, made[2])
        accept_result(self.workspace, document, made[0], person)
        return made[0].id

    def _pictures(self, head: Document) -> None:
        free = GenerateParameters("a round cell", seed=7, count=2, steps=4)
        self.finish(generate(self.queue, self.pack, free, person=self.a))
        mask = np.minimum(head.mask(1), 2)
        self.finish(generate(self.queue, self.pack, replace(free, seed=17, mask=mask), person=self.b,
                             document_id=head.id, source=str(head.info.frames[1].key)))

    def _jobs(self, documents: dict[str, Document]) -> None:
        """Of each kind one that waits, one that was interrupted, one that failed; what trains or embeds is done too."""
        head, neck, cell = documents["head"], documents["neck"], documents["cell"]
        words = GenerateParameters("a pale cell", seed=27, count=2, width=64, height=48)
        made = {
            "inpaint": [self.inpaint(neck, 1, self.b, mode="remove"), self.inpaint(head, 2, self.a, mode="vary"),
                        self.inpaint(cell, 0, self.b, follow=True, match_seam=False), self.inpaint(neck, 0, self.a)],
            "generate": [generate(self.queue, self.pack, words, person=person) for person in (self.a, self.b, self.a)],
            "train": [self.train("one"), self.train("two", "control"), self.train("three", "masks"),
                      self.train("four", "encoder")],
            "embed": [self.embed(3, True), self.embed(2, False), self.embed(4, True), self.embed(2, False)]}
        mask = np.minimum(neck.mask(0), 2)
        made["generate"].append(generate(self.queue, self.pack, replace(words, mask=mask), person=self.b,
                                         document_id=neck.id, source=str(neck.info.frames[0].key)))
        for kind, (waiting, running, failed, last) in made.items():
            self.end(waiting, JobState.WAITING, "Interrupted once; started again." if kind == "generate" else "")
            self.end(running, JobState.RUNNING)
            self.end(failed, JobState.FAILED, "There was not enough memory for this job.")
            if kind in ("train", "embed"):
                self.end(last, JobState.DONE)
            else:
                self.end(last, JobState.CANCELLED)


def look(workspace: Workspace, documents: dict[str, Document]) -> dict[str, Any]:
    return {"people": looking.people(workspace), "recent": looking.recent(workspace),
            "pictures": looking.pictures(workspace), "jobs": looking.jobs(workspace),
            "documents": {name: looking.document(workspace, item) for name, item in documents.items()}}


def files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and "backups" not in path.parts)


def main() -> None:
    print(medsynth_app.__file__)
    ledger.datetime = FarAhead  # type: ignore[attr-defined]
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        write_images(root / "images")
        with Workspace.open(root / "workspace") as workspace:
            maker = Maker(workspace, root / "images")
            maker.work()
            expected = look(workspace, maker.documents)
            masks = {f"{name}-{frame}": mask for name, item in maker.documents.items()
                     for frame, mask in looking.masks(item).items()}
            maker.documents["cell"].close()
            time.sleep(2)  # what is written behind the scenes
            shutil.copytree(root / "workspace", root / "killed")
        with closing(sqlite3.connect(root / "killed" / "workspace.db")) as database:
            print("moved out of the log:", database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone())
        shutil.copytree(root / "killed", root / "copy")
        with Workspace.open(root / "copy") as workspace:  # on a copy, for undo and redo are steps too
            maker.workspace = workspace
            expected["walks"] = {name: {person: looking.walk(maker.open(name), person)
                                        for person in ("", maker.a, maker.b)} for name in NAMES}
        with zipfile.ZipFile(HERE / "workspace.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for path in [*files(root / "killed"), *files(root / "images")]:
                assert str(root).encode() not in path.read_bytes(), path
                name = path.relative_to(root).as_posix()
                archive.write(path, name.replace("killed/", "workspace/", 1))
    np.savez_compressed(HERE / "masks.npz", **masks)
    (HERE / "expected.json").write_text(json.dumps(expected, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
