"""How numbers and times are said."""

from __future__ import annotations

from datetime import UTC, datetime

from medsynth_app.core.job import JobState
from medsynth_app.core.words import _
from medsynth_app.core.words import duration as duration
from medsynth_app.core.words import size as size
from medsynth_app.session.job_entry import JobEntry

MINUS = "\N{MINUS SIGN}"
# why something cannot be done
NO_IMAGE, READ_ONLY, UNSEEN = _("Open an image first"), _("This window is read-only"), _("This slice cannot be read")

INVISIBLE = _("By it a picture is found again when its record was lost, also as a JPEG or made smaller: see “Where "
              "does this picture come from?”. A network may learn it.")


def progress(entry: JobEntry) -> str:
    """ "Step 8 of 25, about 12 s left"."""
    if entry.record.state is JobState.WAITING:
        return _("Waiting for its turn")
    if not entry.steps:
        return entry.message or _("Starting")
    if entry.seconds_left is None:
        return _("Step {step} of {steps}").format(step=entry.step, steps=entry.steps)
    return _("Step {step} of {steps}, about {time} left").format(step=entry.step, steps=entry.steps,
                                                                 time=duration(entry.seconds_left))


def ago(moment: datetime, now: datetime | None = None) -> str:
    """ "just now", "12 s ago", "3 min ago", "2 h ago", "14 March"."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    seconds = ((now or datetime.now(UTC)) - moment).total_seconds()
    if seconds < 2:
        return _("just now")
    if seconds < 60:
        return _("{count} s ago").format(count=f"{seconds:.0f}")
    if seconds < 3600:
        return _("{count} min ago").format(count=f"{seconds // 60:.0f}")
    if seconds < 86400:
        return _("{count} h ago").format(count=f"{seconds // 3600:.0f}")
    local = moment.astimezone()
    return f"{local.day} {local:%B}"


def number(value: float) -> str:
    """A measured value without needless digits: "40", "-1024", "0.35"."""
    if abs(value) >= 100 or value == int(value):
        return minus(f"{value:.0f}")
    return minus(f"{value:.3g}")


def minus(text: str) -> str:
    """Hyphens before numbers as true minus signs."""
    return text.replace("-", MINUS)


def by(first: str | int, second: str | int) -> str:
    """ "512 x 512" with a true multiplication sign."""
    return f"{first} \N{MULTIPLICATION SIGN} {second}"
