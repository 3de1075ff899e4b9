"""Where nothing is to be labelled yet: what to go on with, and where cells come from."""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QComboBox, QGridLayout, QLineEdit, QWidget

from medsynth_app.core.cell_schema import CellSchema
from medsynth_app.core.words import _, ngettext
from medsynth_app.session.label_sources import TRY
from medsynth_app.session.session import Session
from medsynth_app.ui.places.label.gathering import Gathering
from medsynth_app.ui.shell.commands import Commands
from medsynth_app.ui.shell.runner import Runner
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.theme.theme import Theme
from medsynth_app.ui.widgets.basic import button, column, label, row
from medsynth_app.ui.widgets.lists import Index, Line, LineList
from medsynth_app.ui.widgets.reach import Reach

WIDTH = 640  # px of the page's column
SOURCES = (("label.folder", "folder-image", _("Pictures of a folder…"), _("Each picture is a cell")),
           ("label.table", "table-large", _("Table of cells…"), _("cells.csv, as detection writes it")),
           ("label.generated", "image-multiple-outline", _("Generated pictures"), _("All that Generate holds")),
           ("label.find", "magnify-scan", _("Cells of the open image"), _("Found in the background")),
           ("label.try", "creation", _("Try it with {count} cells").format(count=TRY),
            _("Drawn by a model, in some minutes")))


class Source(QWidget):
    """One way to get cells: a button, and a line about it."""

    def __init__(self, theme: Theme, commands: Commands, name: str, icon: str, title: str, about: str) -> None:
        super().__init__()
        self._theme, self._icon = theme, icon
        self.button = button(title)
        self.button.setIconSize(QSize(look.ICON_PX, look.ICON_PX))
        commands.follow(self.button, name)
        column(self.button, label(about, "help"), parent=self, spacing=2)
        theme.changed.connect(self._paint)
        self._paint()

    def _paint(self, _tokens: object = None) -> None:
        self.button.setIcon(self._theme.icon(self._icon))


class StartPage(QWidget):
    """Sets to go on with, and how to begin a new one; with an open set that is empty, how to fill it."""

    def __init__(self, theme: Theme, session: Session, commands: Commands, gathering: Gathering, run: Runner) -> None:
        super().__init__()
        self._session, self._gathering, self._run = session, gathering, run
        self._title, self._about = label("", "title"), label("", "muted", wrap=True)
        self.sets = LineList(theme, _("Cells to go on with"), 44, 4)
        self.sets.clicked.connect(self._open)
        self.sets.activated.connect(self._open)
        self._go_on = label(_("Go on with"), "heading")
        self.name, self.schema = QLineEdit(gathering.name), QComboBox()
        self.name.setAccessibleName(_("Name of the new set"))
        self.name.setMaxLength(80)
        self.name.textEdited.connect(self._set_name)
        self.schema.setAccessibleName(_("Classes"))
        self.schema.activated.connect(self._choose_schema)
        self.edit = button(_("Change…"), role="link", tip=_("Add, rename and remove classes"))
        commands.follow(self.edit, "label.classes", tip=False)
        self.about_schema = label("", "help", wrap=True)
        self._new = QWidget()
        grid = QGridLayout(self._new)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(look.M)
        grid.setVerticalSpacing(look.S)
        for at, (words, field) in enumerate(((_("Name"), self.name), (_("Classes"), self.schema))):
            grid.addWidget(label(words), at, 0)
            grid.addWidget(field, at, 1)
        grid.addWidget(self.edit, 1, 2)
        grid.addWidget(self.about_schema, 2, 1, 1, 2)
        grid.setColumnStretch(1, 1)
        self.sources = [Source(theme, commands, *each) for each in SOURCES]
        ways = QGridLayout()
        ways.setHorizontalSpacing(look.M)
        ways.setVerticalSpacing(look.M)
        for at in (0, 1):
            ways.setColumnStretch(at, 1)
        for at, found in enumerate(self.sources):
            ways.addWidget(found, at // 2, at % 2)
        inner = QWidget()
        inner.setMaximumWidth(WIDTH)
        column(self._title, self._about, self._go_on, self.sets, self._new, label(_("Cells come from"), "heading"),
               ways, parent=inner, spacing=look.M, margins=(look.L, look.L, look.L, look.L)).addStretch(1)
        holder = QWidget()
        row(None, inner, None, parent=holder).setStretch(1, 8)
        column(Reach(holder), parent=self, spacing=0)
        for signal in (session.labelling.sets_changed, session.labelling.changed, session.models.changed,
                       session.label_sources.changed):
            signal.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show which sets there are, and what a new one would be."""
        opened, labelling = self._session.labelling.current, self._session.labelling
        coming = self._session.label_sources.expected
        self._title.setText(opened.name if opened is not None else _("Label cells"))
        self._about.setText(
            ngettext("{count} cell is being drawn.", "{count} cells are being drawn; the first come in a minute.",
                     coming).format(count=coming) if opened is not None and coming else
            _("Cells of the open image are being found.") if opened is not None and self._session.label_sources.finding
            else _("This set has no cells yet.") if opened is not None else
            _("Label first the cells that teach a classifier most: one key names a cell and brings the next."))
        sets = [] if opened is not None else labelling.sets
        self.sets.show_lines(Line(each.id, each.name, ngettext("{count} cell", "{count} cells", each.count)
                                  .format(count=f"{each.count:,}"), value=each.id) for each in sets)
        for part in (self._go_on, self.sets):
            part.setVisible(bool(sets))
        self._new.setVisible(opened is None)
        if self.name.text() != self._gathering.name:
            self.name.setText(self._gathering.name)
        self._show_schemas()

    def _show_schemas(self) -> None:
        chosen, known = self._gathering.schema, list(self._session.labelling.schemas)
        if all(each != chosen for each in known):
            known.insert(0, chosen)
        if [self.schema.itemData(k) for k in range(self.schema.count())] != known:
            self.schema.clear()
            for each in known:
                self.schema.addItem(each.name, each)
        self.schema.setCurrentIndex(known.index(chosen))
        self.about_schema.setText(about(chosen, set(self._session.label_sources.drawn_by(chosen))))

    def _set_name(self, text: str) -> None:
        self._gathering.name = text

    def _choose_schema(self, place: int) -> None:
        self._gathering.schema = self.schema.itemData(place)
        self.refresh()

    def _open(self, index: Index) -> None:
        line = self.sets.rows.row(index.row())
        if line is not None:
            self._run(lambda: self._session.labelling.open(line.value))

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.refresh()


def about(schema: CellSchema, drawn: set[str]) -> str:
    """How many classes there are, and which of them no installed model draws."""
    text = ngettext("{count} class.", "{count} classes.", len(schema.classes)).format(count=len(schema.classes))
    missing = [each.name for each in schema.classes if each.id not in drawn]
    if not missing:
        return f"{text} {_('An installed model draws every one of them.')}"
    if len(missing) == len(schema.classes):
        return f"{text} {_('No installed model draws any of them.')}"
    return f"{text} {_('No installed model draws: {classes}.').format(classes=', '.join(missing))}"
