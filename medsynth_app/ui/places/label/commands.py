"""What can be done in Label."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from medsynth_app.core.words import _, ngettext
from medsynth_app.session.session import Session
from medsynth_app.session.teaching import Stage
from medsynth_app.ui.places.label.centre import LabelCentre, Mode
from medsynth_app.ui.places.label.gathering import Gathering
from medsynth_app.ui.places.label.name_dialog import NameDialog
from medsynth_app.ui.places.label.schema_dialog import SchemaDialog
from medsynth_app.ui.shell.command import Command
from medsynth_app.ui.shell.frame import Frame
from medsynth_app.ui.widgets.words import READ_ONLY

ID = "label"
MODES = ((Mode.ONE, _("Label one by one"), "image-outline", ""),
         (Mode.GROUP, _("Label in groups"), "view-grid-outline", "G"),
         (Mode.MAP, _("Map of the cells"), "map-outline", "Ctrl+M"))
ZOOM = 1.25


def label_commands(frame: Frame, centre: LabelCentre, gathering: Gathering) -> tuple[Command, ...]:
    """How cells come, how they are looked at, and what becomes of sets."""
    return (*_sources(frame, gathering), *_looks(frame, centre), *_teaching(frame, centre), *_sets(frame, gathering))


def _writable(session: Session) -> str | None:
    return READ_ONLY if session.workspace.read_only else None


def _sources(frame: Frame, gathering: Gathering) -> tuple[Command, ...]:
    session, group = frame.session, _("Label")

    def begin(fill: Callable[[], object]) -> None:
        """Who labels is known by name; a set is there; then it is filled."""
        _ask_who(frame)
        if not frame.navigator.shows(ID):
            session.labelling.open_last()
            frame.navigator.go(ID)
        frame.run(fill)

    def folder() -> None:
        chosen = frame.dialogs.open_folder(_("Pictures of cells"))
        if chosen is not None:
            begin(partial(gathering.data, chosen))

    def table() -> None:
        chosen = frame.dialogs.open_file(_("Table of cells"), _("Tables (*.csv)"))
        if chosen is not None:
            begin(partial(gathering.data, chosen))

    def generated() -> None:
        pictures = session.generate.pictures
        begin(lambda: gathering.pictures([each.id for each in pictures.page(0, pictures.count)]))

    def from_jobs(fill: Callable[[], object]) -> None:
        def fill_open() -> None:
            gathering.open_set()
            fill()

        begin(fill_open)

    def no_pictures() -> str | None:
        return _writable(session) or (None if session.generate.pictures.count else _("There are no pictures"))

    def none_to_find() -> str | None:
        sources = session.label_sources
        return _writable(session) or (_("Cells are being found") if sources.finding else sources.find_refusal or None)

    def none_to_draw() -> str | None:
        sources, opened = session.label_sources, session.labelling.current
        schema = opened.schema if opened is not None else gathering.schema
        return _writable(session) or (_("Cells are being drawn") if sources.expected else None) \
            or (None if sources.drawn_by(schema) else _("No installed model draws these classes"))

    here = partial(_writable, session)
    return (
        Command("label.folder", _("Label pictures of a folder…"), group, folder, icon="folder-image",
                enabled_when=here),
        Command("label.table", _("Label the cells of a table…"), group, table, icon="table-large", enabled_when=here),
        Command("label.generated", _("Label all generated pictures"), group, generated,
                icon="image-multiple-outline", enabled_when=no_pictures),
        Command("label.find", _("Label the cells of the open image"), group,
                partial(from_jobs, session.label_sources.find), icon="magnify-scan", enabled_when=none_to_find,
                starts_job=True),
        Command("label.try", _("Try labelling with cells that a model draws"), group,
                partial(from_jobs, session.label_sources.draw), icon="creation", enabled_when=none_to_draw,
                starts_job=True))


def _ask_who(frame: Frame) -> None:
    if frame.session.people.current is None:
        frame.commands["person.switch"].trigger()


def _looks(frame: Frame, centre: LabelCentre) -> tuple[Command, ...]:
    group = _("Look at cells")

    def no_cells() -> str | None:
        opened = frame.session.labelling.current
        if opened is None or not opened.cells:
            return _("There are no cells to label")
        return None if frame.navigator.shows(ID) else _("Go to Label first")

    def one() -> str | None:
        return no_cells() or (None if centre.page is centre.one else _("One cell at a time is looked at so"))

    def mode(wanted: Mode) -> None:
        centre.set_mode(Mode.ONE if wanted is centre.mode else wanted)

    view = centre.one.view

    def zoom(factor: float) -> None:
        (centre.map.view if centre.page is centre.map else view).zoom_by(factor)

    def reset() -> None:
        view.reset()
        centre.map.view.fit()

    return (
        *(Command(f"label.mode_{wanted.value}", title, group, partial(mode, wanted), icon=icon,
                  key=key if key.startswith("Ctrl") else "", enabled_when=no_cells,
                  checked_when=lambda wanted=wanted: centre.mode is wanted)  # type: ignore[misc]
          for wanted, title, icon, key in MODES),
        Command("label.zoom_in", _("Cell larger"), group, partial(zoom, ZOOM), "+", icon="magnify-plus-outline",
                more_keys=("=",), enabled_when=no_cells, repeats=True),
        Command("label.zoom_out", _("Cell smaller"), group, partial(zoom, 1 / ZOOM), "-", icon="magnify-minus-outline",
                enabled_when=no_cells, repeats=True),
        Command("label.brighter", _("Cell brighter"), group, partial(view.brighten, 1), icon="brightness-6",
                enabled_when=one, repeats=True),
        Command("label.darker", _("Cell darker"), group, partial(view.brighten, -1), icon="brightness-4",
                enabled_when=one, repeats=True),
        Command("label.reset", _("Cell as it was taken"), group, reset, icon="restore", enabled_when=no_cells),
        Command("label.outline", _("Show the corners of the cell"), group,
                lambda: view.outline(not view.outlined), icon="crop-free", enabled_when=one,
                checked_when=lambda: view.outlined),
        Command("label.again", _("Read the cell's image again"), group, centre.one.try_again, icon="refresh",
                enabled_when=lambda: one() or (None if centre.one.failed else _("It was read"))))


def _teaching(frame: Frame, centre: LabelCentre) -> tuple[Command, ...]:
    labelling, found, group = frame.session.labelling, frame.session.label_review, _("Label")

    def cannot_learn() -> str | None:
        opened, teaching = labelling.current, labelling.teaching
        if opened is None or not opened.cells:
            return _("There are no cells to label")
        if opened.read_only:
            return READ_ONLY
        if teaching.encoder is None:
            return _("There is no encoder: cells come by chance")
        if teaching.busy:
            return _("Cells are being compared") if teaching.stage is Stage.EMBEDDING else _("It is being learned")
        return None if labelling.consensus else _("Label some cells first")

    def review(places: list[int], words: str) -> None:
        frame.navigator.go(ID)
        centre.set_mode(Mode.ONE)
        labelling.review(places, words)
        centre.setFocus()

    def doubtful() -> None:
        opened = labelling.opened()
        for place, kind in reversed(found.doubtful):
            named = opened.schema.of(kind)
            own = labelling.label_of(place)
            called = opened.schema.of(own.answer) if own is not None else None
            words = _("you called it {own}; the other labels speak for {kind}") if labelling.suggests else \
                _("you called it {own}; the other labels speak for another class")
            review([place], words.format(own=called.name if called is not None else "",
                                         kind=named.name if named is not None else kind))

    def like() -> str | None:
        if labelling.asked is None:
            return _("There are no cells to label")
        return None if labelling.teaching.encoder is not None else _("Without an encoder cells cannot be compared")

    return (
        Command("label.learn", _("Learn from the labels now"), group, lambda: frame.run(labelling.teaching.start),
                icon="school-outline", enabled_when=cannot_learn, starts_job=True),
        Command("label.like", _("Find more cells like this one"), group, centre.like_this, icon="image-search-outline",
                enabled_when=like),
        Command("label.doubtful", _("Look at the labels that are doubtful"), group, doubtful,
                icon="help-circle-outline",
                enabled_when=lambda: None if found.doubtful else _("No label looks doubtful")),
        Command("label.disagreements", _("Look at the cells that are called two things"), group,
                lambda: review(found.disagreements, _("somebody else calls it otherwise")),
                icon="account-multiple-outline",
                enabled_when=lambda: None if found.disagreements else _("Nobody disagrees")))


def _sets(frame: Frame, gathering: Gathering) -> tuple[Command, ...]:
    labelling, group = frame.session.labelling, _("Label")

    def no_set() -> str | None:
        return None if labelling.current is not None else _("No set of cells is open")

    def not_writable() -> str | None:
        return no_set() or _writable(frame.session)

    def rename() -> None:
        dialog = NameDialog(labelling.opened().name, frame.dialogs.window)
        dialog.named.connect(lambda name: frame.run(lambda: labelling.change(name=name)))
        frame.dialogs.show(dialog)

    def classes() -> None:
        opened = labelling.current
        dialog = SchemaDialog(opened.schema if opened is not None else gathering.schema, frame.session, frame.dialogs,
                              frame.dialogs.window)
        dialog.changed.connect(lambda: take(dialog))
        frame.dialogs.show(dialog)

    def take(dialog: SchemaDialog) -> None:
        if labelling.current is not None:
            frame.run(lambda: labelling.change(schema=dialog.schema))
        else:
            gathering.schema = dialog.schema
            labelling.sets_changed.emit()

    def ask_remove() -> None:
        opened = labelling.opened()
        given = len(opened.labels)
        what = ngettext("{count} label is erased for good.", "{count} labels are erased for good.", given).format(
            count=f"{given:,}") if given else _("Nothing was labelled in it.")
        frame.banners.say("warning", _("Remove the set “{name}”?").format(name=opened.name),
                          f"{what} {_('The images stay.')}", key="remove-labels",
                          choices=((_("Remove set"), partial(remove, opened.id)),))

    def remove(set_id: str) -> None:
        if frame.run(lambda: labelling.remove(set_id)):
            frame.toasts.say("done", _("The set was removed; its images stay."))

    def show_start() -> None:
        labelling.close()
        frame.navigator.go(ID)

    return (
        Command("label.new", _("New or other set of cells…"), group, show_start, icon="tag-plus-outline",
                enabled_when=no_set),
        Command("label.add", _("Add pictures of a folder…"), group, lambda: frame.commands["label.folder"].trigger(),
                icon="plus", enabled_when=not_writable),
        Command("label.rename", _("Rename the set…"), group, rename, icon="form-textbox", enabled_when=not_writable),
        Command("label.classes", _("Change the classes…"), group, classes, icon="format-list-bulleted",
                enabled_when=lambda: _writable(frame.session)),
        Command("label.remove", _("Remove the set…"), group, ask_remove, icon="trash-can-outline",
                enabled_when=not_writable))
