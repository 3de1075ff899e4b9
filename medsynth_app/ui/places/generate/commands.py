"""What can be done in Generate."""

from __future__ import annotations

from functools import partial

from medsynth_app.actions.generate import DRAWN, FREE, PAINTED
from medsynth_app.core.words import _
from medsynth_app.ui.places.generate.gallery import PictureGrid
from medsynth_app.ui.places.generate.panel import GeneratePanel
from medsynth_app.ui.shell.command import Command
from medsynth_app.ui.shell.files import PNG, TIFF, named_kind
from medsynth_app.ui.shell.frame import Frame
from medsynth_app.ui.widgets.words import READ_ONLY

ID = "generate"
SHAPES = ((FREE, _("Shape of pictures: free")), (PAINTED, _("Shape of pictures: my mask")),
          (DRAWN, _("Shape of pictures: drawn masks")))


def generate_commands(frame: Frame, panel: GeneratePanel, grid: PictureGrid) -> tuple[Command, ...]:
    generate, group = frame.session.generate, _("Generate")

    def start() -> None:
        if frame.run(generate.run) is not None:
            frame.navigator.go(ID)

    def no_picture() -> str | None:
        if not (generate.pictures.count or generate.pictures.sketches):
            return _("There are no pictures")
        if not frame.navigator.shows(ID):
            return _("Go to the pictures first")
        return None if grid.chosen is not None else _("It is still being drawn")

    def not_writable() -> str | None:
        return READ_ONLY if frame.session.workspace.read_only else no_picture()

    def refusal(shape: str) -> str | None:
        if not frame.navigator.shows(ID):
            return _("Go to Generate first")  # the mask is looked at only where it is seen
        found = generate.shape_refusal(shape)
        return None if found is None else found.happened

    shapes = tuple(Command(f"generate.shape_{shape}", title, group, partial(_choose, frame, shape),
                           enabled_when=partial(refusal, shape),
                           checked_when=lambda shape=shape: generate.shape == shape)  # type: ignore[misc]
                   for shape, title in SHAPES)
    return (
        Command("generate.run", _("Generate pictures"), group, start, icon="image-multiple-outline",
                enabled_when=lambda: panel.obstacle or None, starts_job=True),
        *shapes,
        Command("generate.open", _("Open the picture in Paint"), group, lambda: _open(frame, grid),
                icon="brush-outline", enabled_when=not_writable),
        Command("generate.save", _("Save the picture…"), group, lambda: _save(frame, grid), icon="tray-arrow-down",
                enabled_when=no_picture),
        Command("generate.remove", _("Remove the picture from the workspace…"), group,
                lambda: _ask_remove(frame, grid), icon="trash-can-outline", enabled_when=not_writable))


def _choose(frame: Frame, shape: str) -> None:
    frame.run(lambda: frame.session.generate.set_shape(shape))


def _open(frame: Frame, grid: PictureGrid) -> None:
    """Work on the chosen picture; Paint comes up by itself when the image is there."""
    picture = grid.chosen
    path = frame.run(lambda: frame.session.generate.pictures.as_file(picture.id)) if picture is not None else None
    if path is not None:
        frame.opening.open(path)


def _save(frame: Frame, grid: PictureGrid) -> None:
    """Export the chosen picture, and its mask beside it."""
    picture = grid.chosen
    if picture is None:
        return
    chosen = frame.dialogs.save_file(_("Save the picture"), f"SYNTHETIC-{picture.seed}", (PNG[0], TIFF[0]))
    if chosen is None:
        return
    path, (_text, form, _end, _whole) = named_kind(*chosen, (PNG, TIFF))
    written = frame.run(lambda: frame.session.exports.picture(picture, path, form))
    if written is not None:
        frame.toasts.say("done", _("Picture and mask saved; the picture is marked as synthetic.") if picture.has_mask
                         else _("Picture saved, marked as synthetic."))
        for notice in written.notices:
            frame.banners.say("warning", notice)


def _ask_remove(frame: Frame, grid: PictureGrid) -> None:
    """Ask in a banner, as for a study, whether the chosen picture shall go."""
    picture = grid.chosen
    if picture is None:
        return
    what = _("It and its mask are erased for good.") if picture.has_mask else _("It is erased for good.")
    frame.banners.say(
        "warning", _("Remove the picture with the seed {seed} from the workspace?").format(seed=picture.seed),
        f"{what} {_('Files that were saved from it stay.')}", key="remove-picture",
        choices=((_("Remove picture"), lambda: _remove(frame, picture.id)),))


def _remove(frame: Frame, picture_id: str) -> None:
    if frame.run(lambda: frame.session.generate.pictures.remove(picture_id)):
        frame.toasts.say("done", _("The picture was removed from the workspace."))
