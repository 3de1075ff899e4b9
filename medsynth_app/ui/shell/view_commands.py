"""What can be done with the image in view, in every place that shows it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from medsynth_app.core.words import _
from medsynth_app.session.session import Session
from medsynth_app.ui.shell.command import Command
from medsynth_app.ui.shell.navigator import Navigator
from medsynth_app.ui.shell.place import History
from medsynth_app.ui.shell.runner import Runner
from medsynth_app.ui.viewer.canvas import Canvas
from medsynth_app.ui.viewer.paint_look import STEPS
from medsynth_app.ui.widgets.words import NO_IMAGE

NOT_SEEN = _("Go to the image first")


def no_image(session: Session) -> str | None:
    """Why nothing can be done with an image; None where one is open."""
    return NO_IMAGE if session.documents.current is None else None


def edit_commands(session: Session, navigator: Navigator, run: Runner) -> tuple[Command, ...]:
    """Undo and redo; nothing is undone that one cannot see."""
    def history() -> History | None:
        return navigator.current.history or (session.painting if navigator.sees_image else None)

    def name(redo: bool) -> str | None:
        found = history()
        return None if found is None else found.redo_name if redo else found.undo_name

    def refusal(redo: bool, nothing: str) -> str | None:
        found = history()
        if found is None:
            return NOT_SEEN
        locked = session.documents.read_only if found is session.painting else session.workspace.read_only
        return nothing if name(redo) is None or locked else None

    def turn(redo: bool) -> None:
        if (found := history()) is not None:
            run(found.redo if redo else found.undo)

    return (
        Command("edit.undo", _("Undo"), _("Edit"), lambda: turn(False), "Ctrl+Z", icon="undo", repeats=True,
                enabled_when=lambda: refusal(False, _("Nothing of yours to undo")),
                title_now=lambda: name(False) or ""),
        Command("edit.redo", _("Redo"), _("Edit"), lambda: turn(True), "Ctrl+Shift+Z", icon="redo",
                more_keys=("Ctrl+Y",), repeats=True,
                enabled_when=lambda: refusal(True, _("Nothing of yours to redo")),
                title_now=lambda: name(True) or ""))


def tool_commands(session: Session, canvas: Canvas) -> tuple[Command, ...]:
    """Tools that move what is seen and change nothing."""
    def colour() -> str | None:
        document = session.documents.current
        return no_image(session) if document is None or document.info.colour == "grey" \
            else _("A colour image has no window")

    group = _("Tools")
    return (
        Command("tool.pan", _("Move the view"), group, partial(canvas.tools.choose, "pan"), "H", "J",
                "hand-back-right-outline", lambda: no_image(session), lambda: canvas.tools.tool == "pan"),
        Command("tool.window", _("Window / level by drag"), group, partial(canvas.tools.choose, "window"), "W", "L",
                "contrast-circle", colour, lambda: canvas.tools.tool == "window"))


def view_commands(session: Session, canvas: Canvas) -> tuple[Command, ...]:
    """Zoom, flips, turns, slices, and what is drawn over the image."""
    settings, view, look = session.settings, canvas.view, canvas.paint_look

    def here() -> str | None:
        return no_image(session)

    def one_slice() -> str | None:
        return here() or (None if canvas.subject.is_stack else _("One slice only"))

    def facts() -> str | None:
        return here() or (None if canvas.stage.chips.facts else _("There is nothing special about it"))

    def show_synthetic() -> None:
        shown = settings.change(show_synthetic_edge=not settings.current.show_synthetic_edge).show_synthetic_edge
        canvas.edges.show_generated(shown)

    def shade(steps: int) -> None:
        look.show(True)
        look.set_opacity(round(look.opacity * STEPS + steps) / STEPS)
        settings.change(mask_opacity=look.opacity)

    def command(name: str, title: str, run: Callable[[], object], key: str = "", icon: str = "",
                enabled_when: Callable[[], str | None] = here, **more: object) -> Command:
        return Command(name, title, _("View"), run, key, icon=icon, enabled_when=enabled_when,
                       **more)  # type: ignore[arg-type]

    return (
        command("view.fit", _("Fit to the window"), view.fit, "Ctrl+0", "fit-to-screen-outline"),
        command("view.actual", _("One pixel to one pixel"), view.actual_size, "Ctrl+9", "relative-scale"),
        command("view.flip_h", _("Flip left and right"), partial(view.flip, True), icon="flip-horizontal"),
        command("view.flip_v", _("Flip up and down"), partial(view.flip, False), icon="flip-vertical"),
        command("view.rotate", _("Turn by 90°"), view.turn, icon="rotate-right"),
        command("view.mask", _("Show the painting"), lambda: look.show(not look.visible), "V", "layers-outline",
                left="M", checked_when=lambda: look.visible),
        command("mask.outline", _("Painting as an outline"), lambda: look.show_outline(not look.outlined), "O",
                "vector-polyline", left="Q", checked_when=lambda: look.outlined),
        command("mask.stronger", _("Painting stronger"), lambda: shade(1), "S", "circle-opacity", repeats=True),
        command("mask.fainter", _("Painting fainter"), lambda: shade(-1), "A", "circle-outline", repeats=True),
        command("view.synthetic", _("Show the edge of generated regions"), show_synthetic, "G", "vector-square",
                left="R", checked_when=lambda: settings.current.show_synthetic_edge),
        command("view.facts", _("Show what to know of this image"), canvas.stage.chips.open,
                icon="information-outline", enabled_when=facts),
        command("slice.next", _("Next slice"), lambda: canvas.subject.step(1), "PgDown", enabled_when=one_slice,
                repeats=True),
        command("slice.previous", _("Previous slice"), lambda: canvas.subject.step(-1), "PgUp",
                enabled_when=one_slice, repeats=True),
        command("slice.first", _("First slice"), lambda: session.view.set_index(0), "Home", enabled_when=one_slice),
        command("slice.last", _("Last slice"), lambda: session.view.set_index(canvas.subject.count - 1), "End",
                enabled_when=one_slice))
