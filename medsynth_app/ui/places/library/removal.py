"""Removing from the workspace what is kept of a study or of a patient."""

from __future__ import annotations

from collections.abc import Callable

from medsynth_app.core.changes import Changes
from medsynth_app.core.words import _, ngettext
from medsynth_app.ui.shell.command import Command
from medsynth_app.ui.shell.frame import Frame
from medsynth_app.ui.widgets.words import NO_IMAGE, READ_ONLY
from medsynth_app.workspace.removal import Scope


def removal_commands(frame: Frame) -> tuple[Command, ...]:
    documents, group = frame.session.documents, _("File")

    def refusal() -> str | None:
        if documents.current is None:
            return NO_IMAGE
        return READ_ONLY if documents.read_only else None

    def ask_study() -> None:
        _ask(frame, _("Remove this study from the workspace?"), _("Remove study"), documents.study,
             documents.remove_study, _("The study was removed from the workspace"))

    def ask_patient() -> None:
        _ask(frame, _("Remove this patient from the workspace?"), _("Remove patient"), documents.patient,
             documents.remove_patient, _("The patient was removed from the workspace"))

    return (Command("file.remove_study", _("Remove study from the workspace…"), group, ask_study,
                    icon="trash-can-outline", enabled_when=refusal),
            Command("file.remove_patient", _("Remove patient from the workspace…"), group, ask_patient,
                    icon="trash-can-outline", enabled_when=refusal))


def _ask(frame: Frame, question: str, yes: str, scope: Scope, remove: Callable[[], Changes], done: str) -> None:
    """Ask in a banner, with all that goes: nothing else has to stop for it."""
    def act() -> None:
        changes = frame.run(remove)
        if changes is not None:
            count = len(changes.pictures)
            more = _(", with {pictures} from its masks").format(pictures=_pictures(count)) if count else ""
            frame.toasts.say("done", f"{done}{more}.")

    frame.banners.say("warning", question, _what_goes(scope), key="remove", choices=((yes, act),))


def _what_goes(scope: Scope) -> str:
    images, pictures = len(scope.documents), len(scope.pictures)
    whose = _("Painting, results and history of its {count} images").format(count=images) if images > 1 else \
        _("Its painting, results and history")
    more = _(", and with them {pictures} from its masks").format(pictures=_pictures(pictures)) if pictures else ""
    stays = _("The files that they were opened from stay.") if images > 1 else \
        _("The file that it was opened from stays.")
    text = _("{what} are erased for good{more}.").format(what=whose, more=more) + f" {stays}"
    return f"{text} {_unassigned(scope.unassigned)}" if scope.unassigned else text


def _pictures(count: int) -> str:
    return ngettext("{count} generated picture", "{count} generated pictures", count).format(count=count)


def _unassigned(count: int) -> str:
    """What to say of images of the same patient whose study nobody knows."""
    return ngettext(
        "{count} image of this patient, kept by an older version, was not opened since: nobody knows whether it is of "
        "this study. It stays. Open it, then remove it as well.",
        "{count} images of this patient, kept by an older version, were not opened since: nobody knows whether they "
        "are of this study. They stay. Open them, then remove them as well.", count).format(count=count)
