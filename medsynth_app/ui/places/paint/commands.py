"""What can be done in Paint: tools, the run, its candidates, and how they are compared."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import takewhile
from typing import Any

import numpy as np

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.changes import Changes
from medsynth_app.core.jobs.kind import Outcome
from medsynth_app.core.jobs.table import outcome_of
from medsynth_app.core.words import _, ngettext
from medsynth_app.session.job_entry import JobEntry
from medsynth_app.session.session import Session
from medsynth_app.ui.places.paint.panel import InpaintPanel, not_writable
from medsynth_app.ui.places.paint.shown import hold_against
from medsynth_app.ui.shell.command import Command
from medsynth_app.ui.shell.frame import Frame
from medsynth_app.ui.shell.toasts import Toasts
from medsynth_app.workspace.candidates import CandidateState

Run = Callable[[Callable[[], Any]], Any]  # as `Runner`
ID = "paint"
TOOLS = (("brush", _("Brush"), "B", "N", "brush"), ("eraser", _("Eraser"), "E", "I", "eraser"),
         ("fill", _("Fill"), "F", "O", "format-color-fill"), ("polygon", _("Polygon"), "P", "P", "vector-polygon"),
         ("pick", _("Pick class from the image"), "K", "K", "eyedropper"))
MODES = (("replace", _("Mode: replace")), ("remove", _("Mode: remove")), ("vary", _("Mode: vary")))
COMPARES = (("off", _("Compare: off"), "", None, "image-outline"),
            ("slider", _("Compare: slider"), "C", "U", "compare"),
            ("side", _("Compare: side by side"), "", None, "view-split-vertical"),
            ("difference", _("Compare: difference in colour"), "", None, "vector-difference"))
NO_CANDIDATE, CLASSES = _("No candidate is chosen"), 9


def drawing_job(session: Session) -> JobEntry | None:
    """The run on the document in view that is drawing, or else waits."""
    document = session.documents.current
    if document is None:
        return None
    going = takewhile(lambda entry: not entry.record.state.ended, session.jobs.entries)  # running ones stand first
    return next((entry for entry in going if entry.record.document_id == document.id
                 and outcome_of(entry.record.kind) is Outcome.CANDIDATES), None)


def step(session: Session, by: int) -> None:
    """Choose another candidate; before the first stands the image as it is."""
    candidates = session.candidates
    at = -1 if candidates.selected is None else candidates.selected
    place = min(max(at + by, -1), len(candidates.results) - 1)
    candidates.select(place if place >= 0 else None)


def discard(session: Session) -> Changes:
    """Take the chosen candidate away and go to the next one."""
    candidates = session.candidates
    at = candidates.selected
    changes = candidates.discard(at)
    if candidates.results and candidates.selected is None and at is not None:
        candidates.select(min(at, len(candidates.results) - 1))
    return changes


def clear(session: Session) -> None:
    """Erase the painting of the slice in view, as one undoable stroke."""
    mask = session.documents.opened().mask(session.view.index)
    bounds = Bounds.of_mask(mask > 0)
    if bounds is not None:
        before = np.array(mask[bounds.slices])
        session.painting.paint(bounds, before, np.zeros_like(before), "clear")


def paint_commands(frame: Frame, panel: InpaintPanel) -> tuple[Command, ...]:
    """All of them, in the order of the palette."""
    return (*_tools(frame), *_classes(frame), *_runs(frame, panel),
            *candidate_commands(frame.session, frame.run, frame.toasts), *_compares(frame))


def _tools(frame: Frame) -> tuple[Command, ...]:
    session, tools, group = frame.session, frame.canvas.tools, _("Tools")

    def choose(tool: str) -> None:
        frame.navigator.go(ID)
        tools.choose(tool)

    def refusal() -> str | None:
        return not_writable(session)

    chosen = tuple(Command(f"tool.{tool}", title, group, partial(choose, tool), key, left, icon, refusal,
                           partial(_is, tools, tool)) for tool, title, key, left, icon in TOOLS)
    return (*chosen,
            Command("brush.grow", _("Larger brush"), group, tools.grow, ".", "G", "plus", refusal, repeats=True),
            Command("brush.shrink", _("Smaller brush"), group, tools.shrink, ",", "D", "minus", refusal, repeats=True),
            Command("paint.clear", _("Clear the painting of this slice"), group,
                    lambda: frame.run(lambda: clear(session)), "Shift+Del", icon="selection-off",
                    enabled_when=refusal))


def _is(tools: object, tool: str) -> bool:
    return getattr(tools, "tool", "") == tool


def _classes(frame: Frame) -> tuple[Command, ...]:
    """One for each digit; the digits themselves are told by their place on the keyboard."""
    painting = frame.session.painting

    def name(number: int) -> str:
        classes = painting.schema.classes
        return _("Paint {name}").format(name=classes[number - 1].name) if number <= len(classes) else ""

    def choose(number: int) -> None:
        frame.navigator.go(ID)
        choose_class(frame.session, number)

    return tuple(Command(
        f"class.{number}", _("Paint class {number}").format(number=number), _("Classes"), partial(choose, number),
        enabled_when=lambda number=number: (  # type: ignore[misc]
            None if number <= len(painting.schema.classes) else _("There is no such class")),
        title_now=partial(name, number)) for number in range(1, CLASSES + 1))


def choose_class(session: Session, number: int) -> bool:
    """Paint with the class of this number, from 1; whether there is one."""
    classes = session.painting.schema.classes
    if not 1 <= number <= len(classes):
        return False
    session.painting.set_label(classes[number - 1].value)
    return True


def _runs(frame: Frame, panel: InpaintPanel) -> tuple[Command, ...]:
    inpaint, group = frame.session.inpaint, _("Inpaint")

    def start() -> None:
        if frame.run(inpaint.run) is not None:
            if frame.canvas.candidate.mode == "off":
                frame.session.candidates.select(None)  # what is being drawn is looked at
            frame.navigator.go(ID)

    def write() -> None:
        """Go where one writes: to this place, unless there is something to write where one is."""
        if frame.navigator.current.entry is None:
            frame.navigator.go(ID)
        entry = frame.navigator.current.entry
        if entry is not None:
            entry.setFocus()

    modes = tuple(Command(f"paint.mode_{mode}", title, group, partial(inpaint.set, mode=mode),
                          checked_when=lambda mode=mode: inpaint.parameters.mode == mode)  # type: ignore[misc]
                  for mode, title in MODES)
    return (Command("paint.run", _("Inpaint"), group, start, "Ctrl+Return", icon="auto-fix",
                    enabled_when=lambda: panel.obstacle or None, title_now=lambda: panel.run_title, starts_job=True),
            Command("paint.prompt", _("Write the prompt"), group, write, "T", "Y"), *modes)


def say_discarded(session: Session, run: Run, toasts: Toasts, count: int) -> None:
    """Tell what was discarded, and offer to undo that as long as nothing was done since."""
    document = session.documents.opened()
    then = document.saved_at

    def undo() -> None:
        if session.documents.current is document and document.saved_at == then:
            run(session.painting.undo)
        else:
            toasts.say("info", _("Something was done since: Undo takes back one step after the other."))

    toasts.say("done", ngettext("{count} candidate discarded.", "{count} candidates discarded.", count).format(
        count=count), _("Undo"), undo)


def candidate_commands(session: Session, run: Run, toasts: Toasts) -> tuple[Command, ...]:
    """What is done with candidates; buttons, strip, keys and palette do the same."""
    candidates, group = session.candidates, _("Candidates")

    def chosen() -> str | None:
        if candidates.current is None:
            return NO_CANDIDATE
        return not_writable(session)

    def staged() -> str | None:
        found = candidates.current
        return chosen() or (None if found is not None and found.state == CandidateState.STAGED
                            else _("It is in the image already; undo takes it back"))

    def any_staged() -> str | None:
        return not_writable(session) or (None if candidates.staged else _("There are no candidates"))

    def take_away(act: Callable[[], Changes], count: int) -> None:
        if run(act):
            say_discarded(session, run, toasts, count)

    def drawing() -> str | None:
        return None if drawing_job(session) is not None else _("Nothing is being drawn here")

    def stop() -> None:
        entry = drawing_job(session)
        if entry is not None:
            session.jobs.cancel(entry.record.id)

    def several() -> str | None:
        return None if candidates.results else _("There are no candidates")

    return (
        Command("candidate.accept", _("Accept the candidate"), group, lambda: run(lambda: candidates.accept()), "Enter",
                icon="check", fixed=True, enabled_when=staged),
        Command("candidate.discard", _("Discard the candidate"), group,
                lambda: take_away(lambda: discard(session), 1), "Del", icon="close", fixed=True, enabled_when=staged),
        Command("candidate.next", _("Next candidate"), group, lambda: step(session, 1), "Right", fixed=True,
                enabled_when=several),
        Command("candidate.previous", _("Previous candidate"), group, lambda: step(session, -1), "Left", fixed=True,
                enabled_when=several),
        Command("candidate.discard_all", _("Discard all candidates"), group,
                lambda: take_away(candidates.discard_all, len(candidates.staged)),
                icon="close", enabled_when=any_staged),
        Command("candidate.more", _("More like this"), group, lambda: run(session.inpaint.more_like_this), "M", "V",
                "creation-outline", chosen, starts_job=True),
        Command("candidate.stop", _("Stop drawing; finished candidates stay"), group, lambda: run(stop),
                icon="stop-circle-outline", enabled_when=drawing))


def _compares(frame: Frame) -> tuple[Command, ...]:
    candidate, candidates, group = frame.canvas.candidate, frame.session.candidates, _("Compare")

    def chosen() -> str | None:
        return None if candidates.current is not None else NO_CANDIDATE

    def turn(mode: str) -> None:
        candidate.set_mode("off" if candidate.mode == mode else mode)

    def hold() -> None:
        current = candidates.current
        if current is not None:
            hold_against(frame.session, frame.canvas, current.id)

    found = tuple(Command(f"compare.{mode}", title, group, partial(turn, mode), key, left, icon,
                          (lambda: None) if mode == "off" else chosen,
                          lambda mode=mode: candidate.mode == mode)  # type: ignore[misc]
                  for mode, title, key, left, icon in COMPARES)
    return (*found,
            Command("compare.flicker", _("Flicker with the original (hold)"), group, partial(turn, "flicker"), "X",
                    fixed=True, enabled_when=chosen),
            Command("compare.hold", _("Compare the others with this candidate"), group, hold, "Shift+C", "Shift+U",
                    "compare-horizontal", chosen, lambda: candidates.current is not None
                    and candidates.against == candidates.current.id))
