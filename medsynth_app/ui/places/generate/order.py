"""Make a set: lines of class, count, prompt and model, with pictures, time and room told before it begins."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QSize, QTimer
from PySide6.QtWidgets import QDialog, QLineEdit, QSpinBox

from medsynth_app.actions.make import Plan
from medsynth_app.core.errors import UserError
from medsynth_app.core.order import DRAWN, PARTS
from medsynth_app.core.order_file import WantedLine, WantedSet, read_order
from medsynth_app.core.words import _, ngettext
from medsynth_app.session.session import Session
from medsynth_app.ui.places.generate.order_table import OrderTable
from medsynth_app.ui.shell.dialogs import Dialogs
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.widgets import words
from medsynth_app.ui.widgets.basic import ElidedLabel, Segmented, button, column, label, row, set_role
from medsynth_app.ui.widgets.fields import indent

ABOUT = _("Pictures by class in folders that loaders read, with tables and a data card. No visible mark is drawn into "
          "them, for a classifier would learn it; the record in each file and the card stay.")
KINDS = (("", _("Class folders"), _("Every class has a folder of pictures.")),
         (DRAWN, _("Pairs with masks"), _("The model draws a mask for every picture first; the set holds both.")))
SPLITS = (((), _("Not split"), _("All pictures lie in one part.")),
          ((0.8, 0.1, 0.1), "80 : 10 : 10", _("train, val and test, in every class alike.")),
          ((0.7, 0.15, 0.15), "70 : 15 : 15", _("train, val and test, in every class alike.")))
EACH, MOST = 100, 100_000  # pictures of a class
WIDTH, HEIGHT = 900, 620  # px
SETTLED = 350  # ms after the last key before the order is looked at
NOT_IN_FILES = re.compile(r'[<>:"/\\|?*\x00-\x1f]')


class OrderDialog(QDialog):
    """Queues a set.

    Parameters
    ----------
    started
        Called with the job's id once the set is queued.
    folder
        In which sets are made; None: ``MedSynth sets`` of this user.
    """

    def __init__(self, session: Session, started: Callable[[str], None], dialogs: Dialogs,
                 folder: Path | None = None) -> None:
        super().__init__(dialogs.window)
        self._session, self._started, self._dialogs = session, started, dialogs
        self._folder, self._chosen = folder or Path.home() / "MedSynth sets", Path()
        self._plan: Plan | None = None
        self._licence_note = ""
        self._seed: int | None = None
        self.setWindowTitle(_("Make a set"))
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(SETTLED)
        self._timer.timeout.connect(self.look)
        self._build()
        session.make.paced.connect(self._tell)
        self.finished.connect(self._end)
        pack = session.models.pack
        self.name.setText(pack.manifest.title if pack is not None else _("My set"))
        self._tell()

    def _build(self) -> None:
        self.name = QLineEdit()
        self.name.setMaxLength(100)
        self.name.setAccessibleName(_("Name of the set"))
        self.name.textChanged.connect(lambda _text: self._edited())
        self.each = QSpinBox()
        self.each.setRange(1, MOST)
        self.each.setValue(EACH)
        self.each.setAccessibleName(_("Pictures of each class"))
        self.each.setFixedWidth(104)
        self.each.valueChanged.connect(lambda _count: self._show_each())
        indent(self.each)
        self.fill = button("", self._fill, tip=_("A line for every class that the chosen model offers"))
        self.open_order = button(_("Open an order…"), self._open, "link", tip=_("Take the lines of a TOML file"))
        self.kind, self.split = Segmented(KINDS, _("What the set holds")), Segmented(SPLITS, _("Parts of the set"))
        self.kind.set_value("")
        self.split.set_value((0.8, 0.1, 0.1))
        for choice in (self.kind, self.split):
            choice.chosen.connect(lambda _value: self._edited())
        self.table = OrderTable(self._session.models.packs)
        self.table.edited.connect(self._edited)
        self.add, self.remove = button(_("Add a line"), self._add), button(_("Remove line"), self._remove)
        self._place = ElidedLabel("", "muted")
        self.choose = button(_("Another folder…"), self._choose_folder, "link")
        self.summary = label("", "heading", wrap=True)
        self.trouble = label("", "help", wrap=True)
        self.start = button(_("Make the set"), self._start, "primary")
        self.cancel = button(_("Cancel"), self.reject)
        key = label(_("Name"))
        top = row(key, self.name, self.each, self.fill)
        top.setStretch(1, 1)
        place = row(label(_("Folder")), self._place, self.choose)
        place.setStretch(1, 1)
        body = column(
            row(label(_("Make a set"), "title"), None, self.open_order), label(ABOUT, "help", wrap=True), top,
            row(self.kind, None, self.split), self.table, row(self.add, self.remove, None), place, self.summary,
            self.trouble, row(None, self.cancel, self.start), parent=self, spacing=look.S + 2,
            margins=(look.L + 8,) * 4)
        body.setStretch(4, 1)
        self._show_each()
        self.fill.setFocus()

    def sizeHint(self) -> QSize:
        return QSize(WIDTH, HEIGHT)

    def _show_each(self) -> None:
        self.fill.setText(_("{count} of each class").format(count=self.each.value()))

    # -- lines --------------------------------------------------------------------------------------------------

    def _fill(self) -> None:
        try:
            self.table.show_lines(self._session.make.offered(self.each.value()))
        except UserError as error:
            self._say(str(error))
            return
        self.look()

    def _add(self) -> None:
        lines = self.table.lines()
        parameters = self._session.generate.parameters if not lines else lines[-1].parameters
        pack = self._session.models.pack
        self.table.add_line(WantedLine("", self.each.value(), parameters,
                                       lines[-1].pack if lines else pack.manifest.name if pack else ""))
        self.table.edit_class(self.table.rowCount() - 1)
        self._edited()

    def _remove(self) -> None:
        self.table.remove_chosen()
        self._edited()

    def _open(self) -> None:
        path = self._dialogs.open_file(_("Open an order"), _("Orders (*.toml)"))
        if path is not None:
            self.take(path)

    def take(self, path: Path) -> None:
        """Show the lines of an order file."""
        try:
            wanted = read_order(path)
        except UserError as error:
            self._say(str(error))
            return
        self._licence_note, self._seed = wanted.licence_note, wanted.seed
        self.name.setText(wanted.name)
        self.kind.set_value(DRAWN if any(line.masks for line in wanted.lines) else "")
        if wanted.split in [value for value, _name, _tip in SPLITS]:
            self.split.set_value(wanted.split)
        self.table.show_lines(wanted.lines)
        self.look()

    @property
    def wanted(self) -> WantedSet:
        """The set as it stands in the dialog."""
        kind = self.kind.value()
        lines = tuple(replace(line, masks=kind and (line.masks or kind)) for line in self.table.lines())
        return WantedSet(self.name.text(), lines, self._seed, self.split.value(), self._licence_note)

    @property
    def out(self) -> Path:
        """Where the set will lie."""
        if self._chosen != Path():
            return self._chosen
        stem = NOT_IN_FILES.sub(" ", self.name.text()).strip(" .") or "set"
        found, number = self._folder / stem, 2
        while found.exists() and any(found.iterdir()):
            found, number = self._folder / f"{stem} {number}", number + 1
        return found

    def _choose_folder(self) -> None:
        path = self._dialogs.open_folder(_("Choose a folder for the set"))
        if path is not None:
            self._chosen = path
            self.look()

    # -- what stands before it ----------------------------------------------------------------------------------

    def _edited(self) -> None:
        self._plan = None
        self.start.setEnabled(False)
        self._timer.start()

    def look(self) -> None:
        """Look through the order, and find out how long it takes."""
        self._timer.stop()
        self._plan = None
        if self.table.rowCount():
            try:
                plan, out = self._session.make.plan(self.wanted, self.out), self.out
                self._session.make.outlook(plan, out)
                self._session.make.measure(plan)
                self._plan = plan
            except UserError as error:
                self._say(str(error))
                return
        self._tell()

    def _tell(self) -> None:
        """How many pictures, how long, how much room."""
        plan, make = self._plan, self._session.make
        self._place.setText(str(self.out))
        self.start.setEnabled(plan is not None)
        if plan is None:
            self._say("" if self.table.rowCount() else _("Take a line for every class that the model offers, or add "
                                                         "lines of your own."), error=False)
            self.start.setText(_("Make the set"))
            return
        if make.seconds(plan) is None and not make.is_measuring and self._timer.isActive() is False:
            make.measure(plan)  # the order was changed while another was measured
        order, seconds = plan.order, make.seconds(plan)
        count, classes = order.count, len(order.classes)
        time = _("about {time}").format(time=words.duration(seconds)) if seconds is not None else (
            _("finding out how long…") if make.is_measuring else _("time not known"))
        self.summary.setText(", ".join((
            ngettext("{count} picture", "{count} pictures", count).format(count=f"{count:,}"),
            ngettext("{count} class", "{count} classes", classes).format(count=classes), time,
            _("at most {size}").format(size=words.size(order.largest_bytes)))))
        self.start.setText(ngettext("Make {count} picture", "Make {count} pictures", count).format(count=f"{count:,}"))
        parts = _("It waits its turn in the background, and goes on after a stop or a restart.")
        if order.split:
            parts = _("In every class {shares}.").format(shares=", ".join(
                f"{share:.0%} {part}" for part, share in zip(PARTS, order.split, strict=True))) + f" {parts}"
        self._say(parts, error=False, keep=True)

    def _say(self, text: str, *, error: bool = True, keep: bool = False) -> None:
        self.trouble.setText(text)
        set_role(self.trouble, "error" if error else "help")
        if not keep:
            self.summary.setText("")
        if error:
            self.start.setEnabled(False)

    # -- starting -----------------------------------------------------------------------------------------------

    def _start(self) -> None:
        if self._plan is None:
            return
        try:
            out = self.out
            self._session.make.outlook(self._plan, out)
            job = self._session.make.run(self._plan, out).jobs[0]
        except UserError as error:
            self._say(str(error))
            return
        self.accept()
        self._started(job)

    def _end(self, _result: int) -> None:
        """Nobody looks any more."""
        self._timer.stop()
        self._session.make.paced.disconnect(self._tell)
        self._session.make.stop_measuring()
