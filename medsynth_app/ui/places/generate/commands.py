"""What can be done in Generate."""

from __future__ import annotations

from functools import partial

from medsynth_app.actions.generate import DRAWN, FREE, PAINTED
from medsynth_app.core.words import _, ngettext
from medsynth_app.ui.places.generate.gallery import PictureGrid
from medsynth_app.ui.places.generate.opened import open_folder
from medsynth_app.ui.places.generate.order import OrderDialog
from medsynth_app.ui.places.generate.panel import GeneratePanel
from medsynth_app.ui.places.generate.saving import Saving
from medsynth_app.ui.shell.command import Command
from medsynth_app.ui.shell.files import PNG, TIFF, named_kind
from medsynth_app.ui.shell.frame import Frame
from medsynth_app.ui.widgets.words import READ_ONLY

ID = "generate"
SHAPES = ((FREE, _("Shape of pictures: free")), (PAINTED, _("Shape of pictures: my mask")),
          (DRAWN, _("Shape of pictures: drawn masks")))


def generate_commands(frame: Frame, panel: GeneratePanel, grid: PictureGrid,
                      saving: Saving) -> tuple[Command, ...]:
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

    def none_to_save() -> str | None:
        if not grid.meant_count:
            return _("There are no pictures")
        return None if frame.navigator.shows(ID) else _("Go to the pictures first")

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
        Command("generate.make", _("Make a set…"), group, lambda: _make_set(frame), icon="folder-multiple-image",
                enabled_when=lambda: None if frame.session.models.packs else _("No model is installed")),
        Command("generate.open", _("Open the picture in Paint"), group, lambda: _open(frame, grid),
                icon="brush-outline", enabled_when=not_writable),
        Command("generate.label", _("Send the picture to Label"), group, lambda: _label(frame, grid),
                icon="tag-plus-outline", enabled_when=not_writable),
        Command("generate.save", _("Save the picture…"), group, lambda: _save(frame, grid), icon="tray-arrow-down",
                enabled_when=no_picture),
        Command("generate.save_these", _("Save these pictures…"), group, lambda: saving.ask(grid.meant()),
                icon="folder-download-outline", enabled_when=none_to_save),
        Command("generate.favourite", _("Favourite"), group, lambda: _mark(frame, grid), icon="star-outline",
                enabled_when=not_writable,
                checked_when=lambda: grid.chosen is not None and grid.chosen.favourite),
        Command("generate.use", _("Use these settings"), group, lambda: _use(frame, grid), icon="tune-variant",
                enabled_when=no_picture),
        Command("generate.remove", _("Remove from the workspace…"), group, lambda: _ask_remove(frame, grid),
                icon="trash-can-outline", enabled_when=not_writable))


def _make_set(frame: Frame) -> None:
    frame.navigator.go(ID)
    frame.dialogs.show(OrderDialog(
        frame.session, lambda _job: frame.toasts.say("info", _("The set waits its turn: see the jobs")), frame.dialogs))


def show_set(frame: Frame, job_id: str) -> None:
    """Open the folder of a set that a job has made."""
    folder = frame.session.make.folder_of(job_id)
    if folder is not None:
        open_folder(folder)


def _choose(frame: Frame, shape: str) -> None:
    frame.run(lambda: frame.session.generate.set_shape(shape))


def _open(frame: Frame, grid: PictureGrid) -> None:
    """Work on the chosen picture; Paint comes up by itself when the image is there."""
    picture = grid.chosen
    path = frame.run(lambda: frame.session.generate.pictures.as_file(picture.id)) if picture is not None else None
    if path is not None:
        frame.opening.open(path)


def _label(frame: Frame, grid: PictureGrid) -> None:
    """Add the chosen picture to the cells that are labelled."""
    picture, labelling = grid.chosen, frame.session.labelling
    if picture is None:
        return

    def send() -> bool:
        frame.session.label_sources.go_on()
        labelling.add_generated([picture.id])
        return True

    if frame.run(send):
        frame.toasts.say("done", _("The picture is among the cells of “{name}”.").format(name=labelling.opened().name))


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


def _use(frame: Frame, grid: PictureGrid) -> None:
    """Take over what the chosen picture was drawn with."""
    picture = grid.chosen
    if picture is None:
        return
    if frame.run(lambda: frame.session.generate.use(picture)) is not None:
        frame.toasts.say("done", _("Prompt, seed, steps, guidance and model are those of this picture now."))


def _mark(frame: Frame, grid: PictureGrid) -> None:
    """Make the chosen pictures favourites, or no longer, as the one that is shown large is none or one."""
    shown = grid.chosen
    if shown is not None:
        ids = tuple(picture.id for picture in grid.selected)
        frame.run(lambda: frame.session.generate.pictures.mark(ids, not shown.favourite))


def _ask_remove(frame: Frame, grid: PictureGrid) -> None:
    """Ask in a banner, as for a study, whether the chosen pictures shall go: one question for all of them."""
    pictures = grid.selected
    if not pictures:
        return
    count = len(pictures)
    masks = any(picture.has_mask for picture in pictures)
    asked = _("Remove the picture with the seed {seed} from the workspace?").format(seed=pictures[0].seed) \
        if count == 1 else _("Remove {count} pictures from the workspace?").format(count=f"{count:,}")
    what = (_("It and its mask are erased for good.") if masks else _("It is erased for good.")) if count == 1 else \
        (_("They and their masks are erased for good.") if masks else _("They are erased for good."))
    frame.banners.say(
        "warning", asked, f"{what} {_('Files that were saved from it stay.')}" if count == 1 else
        f"{what} {_('Files that were saved from them stay.')}", key="remove-picture",
        choices=((ngettext("Remove picture", "Remove {count} pictures", count).format(count=f"{count:,}"),
                  lambda: _remove(frame, tuple(picture.id for picture in pictures))),))


def _remove(frame: Frame, picture_ids: tuple[str, ...]) -> None:
    removed = frame.run(lambda: frame.session.generate.pictures.remove_all(picture_ids))
    if removed:
        count = len(removed.pictures)
        frame.toasts.say("done", _("The picture was removed from the workspace.") if count == 1 else
                         _("{count} pictures were removed from the workspace.").format(count=f"{count:,}"))
