"""What stands in the strip: the image as it is, and the candidates in the groups of their runs, newest first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from medsynth_app.core.words import _
from medsynth_app.session.candidates import Run
from medsynth_app.session.drawing import Drawing
from medsynth_app.session.session import Session
from medsynth_app.ui.places.paint.report import report_words, told_of
from medsynth_app.ui.places.paint.thumbs import PITCH, Thumb
from medsynth_app.workspace.candidates import Candidate, CandidateState
from medsynth_app.workspace.documents import Document

AS_IS = "original"  # key of the image as it is, among the pictures
TITLES = {"replace": _("Replace"), "remove": _("Remove"), "vary": _("Vary")}
LEAST_HEAD = 3 * PITCH  # px that the words over a run have at least


def live_key(number: int) -> str:
    return f"live.{number}"


def waiting(session: Session) -> list[int]:
    """The numbers of the candidates that are being drawn: those with a preview and without a result."""
    candidates, drawing = session.candidates, session.candidates.drawing
    if drawing is None:
        return []
    done = {result.candidate for result in candidates.results if result.job_id == drawing.job_id}
    return sorted(set(drawing.previews) - done)


def thumbs_of(session: Session, watched: int | None) -> list[Thumb]:
    """All pictures in their order; `watched` is the candidate in the making that is looked at."""
    candidates, document = session.candidates, session.documents.current
    drawing, numbers = candidates.drawing, waiting(session)
    if document is None or not (candidates.results or numbers):
        return []
    thumbs = [_as_is(session, document, watched is None)]
    runs = list(candidates.runs)
    if drawing is not None and numbers and all(run.job_id != drawing.job_id for run in runs):
        thumbs += _grouped(_drawing_words(session, drawing), _live(numbers, watched))
    for run in runs:
        head, about = run_words(run, session)
        found = [_candidate(session, document, place, about) for place in run.places]
        if drawing is not None and drawing.job_id == run.job_id:
            found += _live(numbers, watched)
        thumbs += _grouped(head, found)
    return thumbs


def run_words(run: Run, session: Session) -> tuple[str, str]:
    """A run in one line, and in several for a tooltip."""
    mode, made = TITLES.get(run.mode, run.mode), run.made.astimezone()
    model = _model(run, session)
    prompt = run.prompt if run.mode != "remove" else ""  # nobody wrote what a model removes with
    today = made.date() == datetime.now().astimezone().date()
    moment = f"{made:%H:%M}" if today else f"{made.day} {made:%B}, {made:%H:%M}"
    short = run.pack if run.pack_sha256 else model  # a title would leave no room for the prompt
    # Runs for which nobody wrote anything are told apart by their first seed.
    seed = _("seed {seed}").format(seed=session.candidates.results[run.places[0]].seed)
    head = " · ".join((f"{mode} {moment}", short, prompt or seed))
    tip = [mode, _("Model: {model}").format(model=model), _("Prompt: {prompt}").format(prompt=prompt) if prompt else "",
           _("Drawn: {moment}").format(moment=f"{made.day} {made:%B %Y}, {made:%H:%M}")]
    return head, "\n".join(line for line in tip if line)


def named(result: Candidate) -> str:
    """ "Candidate 1, seed 7"."""
    return _("Candidate {number}, seed {seed}").format(number=result.candidate + 1, seed=result.seed)


def _model(run: Run, session: Session) -> str:
    if not run.pack_sha256:
        return _("no model")
    packs = (pack.manifest for pack in session.models.packs if pack.manifest.sha256 == run.pack_sha256)
    found = next(packs, None)
    return found.title if found is not None else run.pack


def _as_is(session: Session, document: Document, alone: bool) -> Thumb:
    candidates = session.candidates
    region = candidates.region
    changed = region is not None and bool(document.synthetic_mask(session.view.index)[region[0].slices].any())
    title = _("Image as it is") if changed else _("Original")
    return _grouped(_("As it is") if changed else _("Original"), [Thumb(
        AS_IS, title, synthetic=changed or document.info.synthetic, tip=title,
        chosen=candidates.selected is None and alone)], least=PITCH)[0]


def _candidate(session: Session, document: Document, place: int, run: str) -> Thumb:
    candidates = session.candidates
    result = candidates.results[place]
    reference = result.id == candidates.against
    accepted = _("accepted") if result.state is CandidateState.ACCEPTED else ""
    lines, _warns = report_words(result, document.info.frames[session.view.index].rescale.unit)
    tip = "\n".join([named(result), *lines, *told_of(result, document.info), "", run])
    return Thumb(result.id, named(result), place, str(result.candidate + 1), True,
                 _("against") if reference else accepted, tip, candidates.selected == place, reference)


def _live(numbers: Iterable[int], watched: int | None) -> list[Thumb]:
    return [Thumb(live_key(number), _("Candidate {number}, being drawn").format(number=number + 1),
                  number=str(number + 1), synthetic=True, note=_("drawing"), chosen=number == watched, live=number)
            for number in numbers]


def _drawing_words(session: Session, drawing: Drawing) -> str:
    entry = session.jobs.entry(drawing.job_id)
    return _("Drawing: {what}").format(what=entry.record.title.split(": ", 1)[-1]) if entry is not None \
        else _("Drawing")


def _grouped(head: str, thumbs: Sequence[Thumb], least: int = LEAST_HEAD) -> list[Thumb]:
    """The pictures of one group, under its words."""
    room = max(least, len(thumbs) * PITCH)
    return [replace(thumb, head=head, lead=at * PITCH, room=room, last=at == len(thumbs) - 1)
            for at, thumb in enumerate(thumbs)]
