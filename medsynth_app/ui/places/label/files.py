"""Labels out to files and in from them: on another thread, and an import told before it is made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QDialog, QMenu, QPlainTextEdit, QWidget

from medsynth_app.actions.export_labels import ExportedLabels
from medsynth_app.actions.import_labels import LabelImport
from medsynth_app.core.words import _, ngettext
from medsynth_app.formats.label_files.table import FORMATS
from medsynth_app.ui.shell.chores import Chores
from medsynth_app.ui.shell.command import Command
from medsynth_app.ui.shell.frame import Frame
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.widgets.basic import button, column, label, row
from medsynth_app.ui.widgets.words import READ_ONLY
from medsynth_app.workspace.label_sets import LabelSet

CHOICES = {"csv": _("CSV, every answer"), "coco": _("COCO"), "geojson": _("GeoJSON for QuPath"),
           "folders": _("Folders of pictures")}

NAMES = (*(f"label.export_{name}" for name in CHOICES), "label.import", "label.import_folder", "label.agreement")


class TextDialog(QDialog):
    """Some text that can be copied; with `accept`, a question about it."""

    def __init__(self, title: str, text: str, parent: QWidget, accept: str = "") -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setMinimumWidth(560)
        self.text = QPlainTextEdit(text)
        self.text.setReadOnly(True)
        self.text.setMinimumHeight(220)
        self.text.setAccessibleName(title)
        self.yes = button(accept, self.accept, role="primary")
        self.yes.setVisible(bool(accept))
        column(label(title, "title"), self.text,
               row(None, button(_("Cancel") if accept else _("Close"), self.reject), self.yes),
               parent=self, spacing=look.L, margins=(look.L + 8,) * 4)


class LabelFilesPart:
    """Exports and imports of the open set, one after the other."""

    def __init__(self, frame: Frame) -> None:
        self._frame, self._session, self._files = frame, frame.session, frame.session.label_files
        self._chores = Chores(frame.session.jobs, frame.toasts, frame.banners, frame.report_bug)
        self._files.agreed.connect(self._show_agreement)
        for signal in (self._session.labelling.changed, self._session.labelling.labels_changed):
            signal.connect(lambda: frame.commands.refresh(*NAMES))

    # -- what a person does

    def export(self, format: str) -> None:
        """Ask for a place, and write the labels there."""
        opened = self._session.labelling.opened()
        kind = next(each for each in FORMATS if each.name == format)
        name = f"{opened.name}{kind.extension or f' {format}'}"
        chosen = self._frame.dialogs.save_file(_("Export labels"), name,
                                               (f"{CHOICES[format]} (*{kind.extension or ''})",))
        if chosen is not None:
            path = chosen[0] if not kind.extension or chosen[0].suffix.lower() == kind.extension \
                else chosen[0].with_name(chosen[0].name + kind.extension)
            self._start(_("Export labels: {name}").format(name=opened.name),
                        lambda: self._files.export(opened, path, format), self._exported)

    def import_file(self) -> None:
        """Ask for a file of labels."""
        path = self._frame.dialogs.open_file(_("Import labels"), _("Labels (*.csv *.tsv *.txt *.json *.geojson)"))
        if path is not None:
            self._plan(path)

    def import_folder(self) -> None:
        """Ask for a folder of labels."""
        path = self._frame.dialogs.open_folder(_("Import labels"))
        if path is not None:
            self._plan(path)

    def finish(self) -> None:
        """Wait, when the window closes: what is written is written whole."""
        self._chores.finish(stop=False, wait_ms=10_000)

    # -- inner

    def _plan(self, path: Path) -> None:
        opened = self._session.labelling.opened()
        self._start(_("Read labels: {name}").format(name=path.name), lambda: self._files.plan(opened, path),
                    lambda plan: self._ask(opened, plan))

    def _ask(self, opened: LabelSet, plan: LabelImport) -> None:
        count = len(plan.labels)
        accept = ngettext("Import {count} label", "Import {count} labels", count).format(count=f"{count:,}") \
            if count else ""
        dialog = TextDialog(_("Import labels"), self._files.words(opened, plan, True), self._frame.dialogs.window,
                            accept)
        dialog.accepted.connect(lambda: self._take(opened, plan))
        self._frame.dialogs.show(dialog)

    def _take(self, opened: LabelSet, plan: LabelImport) -> None:
        if self._frame.run(lambda: self._files.take(opened, plan)):
            count = len(plan.labels)
            self._frame.toasts.say("done", ngettext("{count} label imported.", "{count} labels imported.", count)
                                   .format(count=f"{count:,}"))

    def _exported(self, found: ExportedLabels) -> None:
        said = ngettext("{count} label exported: {name}.", "{count} labels exported: {name}.", found.answers).format(
            count=f"{found.answers:,}", name=found.path.name)
        self._frame.toasts.say("done", said)
        for notice in found.notices:
            self._frame.toasts.say("warning", notice)

    def _show_agreement(self, lines: Sequence[str]) -> None:
        self._frame.dialogs.show(TextDialog(_("How far people agree"), "\n".join(lines), self._frame.dialogs.window))

    def _start(self, title: str, work: Callable[[], Any], done: Callable[[Any], None]) -> None:
        self._chores.start("label files", title, lambda _task: work(), done, lambda: self._start(title, work, done),
                           fault=_("It ended in a fault."))


def file_commands(frame: Frame, files: LabelFilesPart) -> tuple[Command, ...]:
    """Labels out and in, and agreement."""
    session, group = frame.session, _("Label")

    def no_set() -> str | None:
        return None if session.labelling.current is not None else _("No set of cells is open")

    def no_labels() -> str | None:
        opened = session.labelling.current
        return no_set() or (None if opened is not None and opened.labels else _("There are no labels yet"))

    def cannot_import() -> str | None:
        return no_set() or (READ_ONLY if session.workspace.read_only else None)

    exports = tuple(Command(f"label.export_{each.name}", _("Export labels: {form}…").format(form=CHOICES[each.name]),
                            group, lambda name=each.name: files.export(name),  # type: ignore[misc]
                            icon="tray-arrow-down", enabled_when=no_labels) for each in FORMATS)
    return (
        *exports,
        Command("label.import", _("Import labels of a file…"), group, files.import_file, icon="tray-arrow-up",
                enabled_when=cannot_import),
        Command("label.import_folder", _("Import labels of a folder…"), group, files.import_folder,
                icon="folder-upload-outline", enabled_when=cannot_import),
        Command("label.agreement", _("How far people agree…"), group,
                lambda: frame.run(session.label_files.count_agreement), icon="account-group-outline",
                enabled_when=no_labels, starts_job=True))


def file_buttons(frame: Frame) -> QWidget:
    """Buttons of the inspector: out, in, agreement."""
    holder = QWidget()
    menus = []
    for text, names in ((_("Export labels"), [f"label.export_{each.name}" for each in FORMATS]),
                        (_("Import labels"), ["label.import", "label.import_folder"])):
        found = button(text)
        menu = QMenu(found)
        for name in names:
            menu.addAction(frame.commands[name])
        found.setMenu(menu)
        menus.append(found)
    agree = button(_("How far people agree…"), role="link")
    frame.commands.follow(agree, "label.agreement", tip=False)
    column(row(*menus, spacing=look.XS), row(agree, None), parent=holder, spacing=look.S)
    return holder
