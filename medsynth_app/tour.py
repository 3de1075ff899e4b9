"""The guided tour: drives the real window with real mouse and key events, and checks what it promises.

``python -m medsynth_app.tour OUT WORKSPACE``; started by `medsynth_app.demo`.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from medsynth_app import __version__
from medsynth_app.actions.demo import DemoImage, demo_images
from medsynth_app.actions.generate import DRAWN, FREE, cannot_follow
from medsynth_app.actions.people import switch_person
from medsynth_app.app import Desk, application, build_window
from medsynth_app.core.errors import UserError
from medsynth_app.core.job import EventKind, JobEvent, JobRecord
from medsynth_app.core.pack_files import InstalledPack
from medsynth_app.formats.registry import is_dicom
from medsynth_app.settings.settings import SettingsStore
from medsynth_app.ui.places.generate.conditioning import CHOICES
from medsynth_app.ui.places.generate.panel import GeneratePanel
from medsynth_app.ui.places.paint.candidates import CandidateStrip
from medsynth_app.ui.places.paint.panel import InpaintPanel
from medsynth_app.workspace.documents import Document
from medsynth_app.workspace.workspace import Workspace

CANDIDATES = 4
SETTLE_MS = 500  # outlines, thumbnails and previews follow a moment after the last change
SEED = 20


@dataclass(frozen=True)
class Scene:
    """One image of the tour, and the disc that is painted on it: middle and radius as shares of the image."""

    image: DemoImage
    pack: InstalledPack
    middle: tuple[float, float] = (0.5, 0.5)
    radius: float = 0.28


@dataclass
class Record:
    """What the tour did, for people and programs."""

    out: Path
    begun: float = field(default_factory=time.monotonic)
    steps: list[str] = field(default_factory=list)
    scenes: list[dict[str, Any]] = field(default_factory=list)
    pictures: list[tuple[str, str]] = field(default_factory=list)  # file, caption

    def step(self, text: str) -> None:
        self.steps.append(text)
        sys.stderr.write(f"{time.monotonic() - self.begun:6.1f} s  {text}\n")

    def write(self, desk: Desk) -> None:
        summary = {"medsynth": __version__, "seconds": round(time.monotonic() - self.begun, 1),
                   "device": desk.session.jobs.device_text, "steps": self.steps, "scenes": self.scenes,
                   "screenshots": [name for name, _ in self.pictures]}
        (self.out / "summary.json").write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
        lines = ["# The guided demo", "", f"MedSynth {__version__} on {desk.session.jobs.device_text}, "
                 f"{summary['seconds']} s. Every generated pixel below is synthetic. Research use, not for diagnosis.",
                 ""]
        for name, caption in self.pictures:
            lines += [f"## {caption}", "", f"![{caption}]({name})", ""]
        lines += ["## Results", "", *(f"- {file}" for scene in self.scenes for file in scene["files"])]
        (self.out / "index.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


class Tour:
    """Walks one window through the scenes."""

    def __init__(self, desk: Desk, out: Path) -> None:
        self.desk, self.record = desk, Record(out)
        self._events: dict[str, list[tuple[EventKind, float]]] = {}
        desk.session.jobs.event.connect(self._hear)

    @property
    def inpaint_panel(self) -> InpaintPanel:
        panel = self.desk.window.place("paint").panel
        assert isinstance(panel, InpaintPanel)
        return panel

    @property
    def generate_panel(self) -> GeneratePanel:
        panel = self.desk.window.place("generate").panel
        assert isinstance(panel, GeneratePanel)
        return panel

    @property
    def strip(self) -> CandidateStrip:
        strip = self.desk.window.place("paint").strip
        assert isinstance(strip, CandidateStrip)
        return strip

    def _hear(self, record: JobRecord, event: JobEvent) -> None:
        self._events.setdefault(record.id, []).append((event.kind, time.monotonic()))

    # -- hands and eyes

    def until(self, condition: Callable[[], object], seconds: float, what: str) -> None:
        """Let the window live until `condition` holds."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise RuntimeError(f"the tour waited {seconds:.0f} s in vain for: {what}")
            QTest.qWait(15)

    def shot(self, name: str, caption: str) -> None:
        """Keep a picture of the window as it stands on the screen."""
        QTest.qWait(SETTLE_MS)
        window = self.desk.window
        picture = window.screen().grabWindow(window.winId())
        file = f"{len(self.record.pictures) + 1:02d}-{name}.png"
        if picture.isNull() or not picture.save(str(self.record.out / file)):
            raise RuntimeError("the screenshot could not be taken or written")
        self.record.pictures.append((file, caption))

    def click(self, widget: QWidget) -> None:
        QTest.mouseClick(widget, Qt.MouseButton.LeftButton)

    def press(self, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        target = QApplication.focusWidget() or self.desk.window
        QTest.keyClick(target, key, modifier)

    def paint_disc(self, middle: tuple[float, float], radius: float) -> None:
        """Paint a disc (image pixels) in one stroke: the button goes down, a spiral is drawn, the button comes up."""
        canvas = self.desk.window.canvas
        target = canvas.scene.native
        brush = max(2, round(radius * 0.5))
        canvas.tools.set_size(brush)
        turns = math.ceil((radius - brush / 2) / (brush * 0.4))
        points = []
        for part in np.linspace(0, 1, turns * 24):
            angle, far = part * turns * 2 * math.pi, min(1.0, part * (turns + 1) / turns) * (radius - brush / 2)
            at = QPointF(middle[1] + far * math.cos(angle), middle[0] + far * math.sin(angle))
            points.append(canvas.view.to_screen.map(at).toPoint())
        QTest.mouseMove(target, points[0])
        QTest.mousePress(target, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, points[0])
        for point in points[1:]:
            QTest.mouseMove(target, point)
        QTest.mouseRelease(target, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, points[-1])

    def document(self) -> Document:
        document = self.desk.session.documents.current
        if document is None:
            raise RuntimeError("no image is open")
        return document

    # -- the walk

    def start(self) -> None:
        """Show the window; the worker is started once the first frame is there."""
        window, painted = self.desk.window, []
        window.painted.connect(lambda: painted.append(time.monotonic()))
        window.resize(1440, 900)
        window.move(0, 0)
        window.show()
        window.activateWindow()
        self.until(lambda: painted, 60, "the first frame of the window")
        self.desk.start()
        self.record.step("The window is open.")
        self.until(lambda: self.desk.queue.info, 240, "the model to be loaded")
        self.shot("welcome", "The first start")
        if "error" in self.desk.queue.info:
            raise UserError("The model could not be loaded.", "Run `medsynth doctor`.")
        self.record.step("The model is loaded in its own process.")

    def draw_pictures(self, pack: InstalledPack) -> DemoImage:
        """Generate whole pictures with a pack, and keep the first as an image to work on."""
        domain = pack.manifest.domain
        self._generate(pack, FREE, f"Four pictures were generated: {domain}.")
        self.shot(f"{_slug(domain)}-generated", f"Generated: {domain}")
        path = self.record.out / f"{_slug(domain)}-generated.png"
        self.desk.session.exports.picture(self.desk.session.generate.pictures.page(0, 1)[0], path, mark=False)
        return DemoImage(f"A generated picture: {domain}", path, domain, "synthetic, drawn in this demo")

    def draw_pairs(self, pack: InstalledPack) -> None:
        """Have a pack draw masks, and pictures that follow them."""
        domain = pack.manifest.domain
        self._generate(pack, DRAWN, f"Four pairs of mask and picture were drawn: {domain}.")
        if any(not picture.has_mask for picture in self.desk.session.generate.pictures.page(0, 4)):
            raise RuntimeError("a pair lacks its mask")
        self.shot(f"{_slug(domain)}-pairs", f"Masks drawn by the model, and pictures that follow them: {domain}")

    def _generate(self, pack: InstalledPack, shape: str, done: str) -> None:
        session, window = self.desk.session, self.desk.window
        window.navigator.go("generate")
        session.models.set_pack(pack)
        session.generate.set(count=4, seed=SEED)
        names = [value for value, _, _ in CHOICES]
        self.click(self.generate_panel.shape.choice.buttons()[names.index(shape)])
        known = session.generate.pictures.count
        self.click(self.generate_panel.primary)
        self.until(lambda: session.generate.pictures.count >= known + 4, 240, "four generated pictures")
        self.record.step(done)

    def visit(self, scene: Scene) -> None:
        """Open, paint, inpaint, compare, accept, undo, redo, export."""
        session, window, name = self.desk.session, self.desk.window, _slug(scene.image.path.stem)
        window.open_path(scene.image.path)
        self.until(lambda: not window.opening.busy and session.documents.current is not None
                   and session.documents.current.path == scene.image.path, 60, "the image to be shown")
        window.navigator.go("paint")
        session.models.set_pack(scene.pack)
        self.record.step(f"Opened: {scene.image.title}.")
        self.shot(f"{name}-opened", f"{scene.image.title}: opened")
        original = np.array(self.document().pixels(session.view.index))
        rows, columns = original.shape[:2]
        self.press(Qt.Key.Key_B)
        self.paint_disc((scene.middle[0] * rows, scene.middle[1] * columns), scene.radius * min(rows, columns))
        self.until(lambda: self.document().mask(session.view.index).any(), 20, "the stroke in the document")
        self.shot(f"{name}-painted", f"{scene.image.title}: painted with the mouse")
        run = self._run(scene, name)
        self._compare(scene, name)
        self._accept(scene, name, original)
        self.record.scenes.append({
            "image": scene.image.title, "credit": scene.image.credit,
            "prompt": session.inpaint.parameters.conditioning.prompt,
            "mode": session.inpaint.parameters.mode, "seed": SEED, **run, "files": self._export(name)})

    def _run(self, scene: Scene, name: str) -> dict[str, Any]:
        """Press the button and wait for the candidates: what drew them, and how long it took.

        Where no model draws there is no preview, and None in place of its seconds.
        """
        session = self.desk.session
        fits = scene.image.domain == scene.pack.manifest.domain
        session.inpaint.set(count=CANDIDATES, seed=SEED, mode="replace" if fits else "remove", strength=1.0,
                            prompt=_prompt(scene.pack))
        self.until(self.inpaint_panel.primary.isEnabled, 20, "the button")
        before, pressed = len(session.candidates.results), time.monotonic()
        self.click(self.inpaint_panel.primary)
        self.until(lambda: session.candidates.drawing or len(session.candidates.results) > before, 240, "a preview")
        drawing = session.candidates.drawing
        job = drawing.job_id if drawing is not None else session.candidates.results[0].job_id
        self.shot(f"{name}-drawing", f"{scene.image.title}: while it is drawn")
        ends = (EventKind.DONE, EventKind.FAILED)
        self.until(lambda: any(kind in ends for kind, _ in self._events.get(job, ())), 240, "the candidates")
        staged = [result for result in session.candidates.results if result.job_id == job]
        if len(staged) != CANDIDATES:
            raise RuntimeError(f"{len(staged)} of {CANDIDATES} candidates were staged")
        if any(result.provenance.largest_change_outside_mask != 0 for result in staged):
            raise RuntimeError("a candidate changes pixels outside its mask")
        times = self._events[job]
        first = min((at for kind, at in times if kind is EventKind.PREVIEW), default=None)
        last = max(at for kind, at in times if kind is EventKind.RESULT)
        self.record.step(f"{CANDIDATES} candidates were staged after {last - pressed:.1f} s.")
        self.shot(f"{name}-staged", f"{scene.image.title}: candidates beside the original")
        made = staged[0].provenance
        return {"pack": made.pack, "pack_sha256": made.pack_sha256,
                "seconds_to_first_preview": None if first is None else round(first - pressed, 2),
                "seconds_to_candidates": round(last - pressed, 2)}

    def _compare(self, scene: Scene, name: str) -> None:
        window, session = self.desk.window, self.desk.session
        thumbs = self.strip.list
        QTest.mouseClick(thumbs.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier,
                         thumbs.visualRect(thumbs.thumbs.index(2)).center())
        window.canvas.candidate.set_mode("slider")
        self.shot(f"{name}-compared", f"{scene.image.title}: original and candidate, slider")
        window.canvas.candidate.set_mode("off")
        if session.candidates.current is None:
            raise RuntimeError("no candidate is chosen")

    def _accept(self, scene: Scene, name: str, original: npt.NDArray[Any]) -> None:
        """Accept with Enter, undo and redo with their keys; each is held against the pixels."""
        session, control = self.desk.session, Qt.KeyboardModifier.ControlModifier
        result = session.candidates.current
        assert result is not None

        def pixels() -> npt.NDArray[Any]:
            return self.document().pixels(session.view.index)

        self.strip.setFocus()
        self.press(Qt.Key.Key_Return)
        self.until(lambda: not np.array_equal(pixels(), original), 20, "the accepted pixels")
        accepted, effective = np.array(pixels()), np.zeros(original.shape[:2], bool)
        effective[result.bounds.slices] = result.effective()
        if not np.array_equal(accepted[~effective], original[~effective]) or accepted.dtype != original.dtype:
            raise RuntimeError("pixels outside the effective mask have changed")
        self.record.step("Accepted: pixels outside the effective mask are bit-identical.")
        self.press(Qt.Key.Key_V)  # hides the painting, so that the result can be seen
        self.shot(f"{name}-accepted", f"{scene.image.title}: accepted, marked as synthetic")
        self.press(Qt.Key.Key_V)
        self.press(Qt.Key.Key_Z, control)
        self.until(lambda: np.array_equal(pixels(), original), 20, "undo to restore the original")
        self.press(Qt.Key.Key_Z, control | Qt.KeyboardModifier.ShiftModifier)
        self.until(lambda: np.array_equal(pixels(), accepted), 20, "redo to bring the result back")
        self.record.step("Undone: the original is back, bit for bit. Redone: so is the result.")

    def _export(self, name: str) -> list[str]:
        session, out = self.desk.session, self.record.out
        files = [session.exports.image(out / f"{name}-result.png", "png", mark=True),
                 session.exports.mask(out / f"{name}-mask.png", "png")]
        if is_dicom(self.document().source):
            files.append(session.exports.image(out / f"{name}-result.dcm", "dicom"))
        else:
            files.append(session.exports.image(out / f"{name}-result.tif", "tiff", mark=True))
        names = [exported.path.name for exported in files]
        self.record.step(f"Exported, each with its record: {', '.join(names)}.")
        return names


def _slug(text: str) -> str:
    return "-".join("".join(c if c.isalnum() else " " for c in text.lower()).split())


def _prompt(pack: InstalledPack) -> str:
    """The pack's usual subject where it can keep to the painted shape; else one that is not there yet."""
    about = pack.manifest
    if about.draws_from_masks:
        return about.default_prompt
    return next((text for text in about.example_prompts if text != about.default_prompt), about.default_prompt)


def _radiology(packs: Sequence[InstalledPack]) -> Scene | None:
    """A DICOM slice; of another body part than any pack knows, so it is filled with a grey pack where there is one."""
    image = next((image for image in demo_images() if image.path.suffix == ".dcm"), None)
    grey = sorted(packs, key=lambda pack: pack.manifest.colour != "grey")
    return Scene(image, grey[0], (0.62, 0.32), 0.1) if image is not None else None


def walk(desk: Desk, out: Path) -> None:
    """The whole tour: a DICOM slice, one image of each pack's own domain, and pairs where a pack draws them."""
    packs = desk.session.models.packs
    if not packs:
        raise UserError("No model pack is installed.", "Train one with `medsynth train base`.")
    tour = Tour(desk, out)
    tour.start()
    own = {image.domain: image for image in demo_images() if image.domain}
    slice_scene = _radiology(packs)
    if slice_scene is not None:
        tour.visit(slice_scene)
    for pack in packs:
        image = own.get(pack.manifest.domain) or tour.draw_pictures(pack)
        tour.visit(Scene(image, pack, radius=0.2 if pack.manifest.draws_from_masks else Scene.radius))
        if not cannot_follow(pack.manifest, DRAWN):
            tour.draw_pairs(pack)
    tour.record.step("The tour is over.")
    tour.record.write(desk)


def main() -> int:
    out, folder = Path(sys.argv[1]), Path(sys.argv[2])
    application()
    workspace = Workspace.open(folder)
    settings = SettingsStore()
    settings.change(first_run_done=True, theme="light")
    switch_person(workspace, "Demo")
    desk = build_window(workspace, settings)
    try:
        walk(desk, out)
    except UserError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    finally:
        desk.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
