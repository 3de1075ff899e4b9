"""Generate: whole pictures from a prompt, in a grid, each marked SYN."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QIcon, QPainter
from PySide6.QtWidgets import QComboBox, QLineEdit, QListView, QListWidget, QListWidgetItem, QMenu, QWidget

from medsynth_app.actions.generate import FREE
from medsynth_app.core.job import JobState
from medsynth_app.session.session import Session
from medsynth_app.ui import theme as look
from medsynth_app.ui import words
from medsynth_app.ui.commands import Commands
from medsynth_app.ui.mask_picture import draw_inset
from medsynth_app.ui.panels.base import Panel, field_row
from medsynth_app.ui.panels.more import Closeness, QuietSpin, SeedRow, whole
from medsynth_app.ui.panels.picture_card import PictureCard
from medsynth_app.ui.panels.shape import ShapeGroup
from medsynth_app.ui.widgets import (
    ElidedLabel,
    Group,
    PromptEdit,
    Segmented,
    button,
    column,
    draw_syn,
    label,
    model_box,
    pixmap,
    row,
)
from medsynth_app.workspace.results import Picture

COUNTS = tuple((n, str(n), f"{n} picture{'' if n == 1 else 's'}") for n in (1, 4, 8, 16))
THUMB = 144


class GeneratePanel(Panel):
    """Shows and changes `session.generate_parameters`."""

    def __init__(self, theme: look.Theme, session: Session, commands: Commands) -> None:
        super().__init__(theme, "Generate")
        self._session, self._commands = session, commands
        self.prompt = PromptEdit("Prompt", "What shall the pictures show?", lines=3)
        self.prompt.edited.connect(lambda text: self._set(prompt=text))
        self.examples = button("Examples", role="link", tip="Prompts that this model knows")
        self._examples_menu = QMenu(self.examples)
        self.examples.setMenu(self._examples_menu)
        self.shape, self.closely = ShapeGroup(theme, session), Closeness(session.set_generate_parameters)
        self.shape.stale.connect(self.refresh)
        self.count = Segmented(COUNTS, "Pictures")
        self.count.chosen.connect(lambda count: self._set(count=count))
        self.pack = model_box(self._choose_pack)
        self._pack_help = ElidedLabel("", "help")
        self.seed = SeedRow(lambda seed: self._set(seed=seed))
        self.steps, self.guidance = whole(1, 200), QuietSpin(0, 15, 0.5)
        self.steps.valueChanged.connect(lambda value: self._set(steps=value))
        self.guidance.valueChanged.connect(lambda value: self._set(guidance=value))
        self.width_box = QComboBox()
        self.width_box.activated.connect(self._choose_size)
        self.avoid = QLineEdit()
        self.avoid.setPlaceholderText("nothing")
        self.avoid.setMinimumWidth(150)
        self.avoid.textEdited.connect(lambda text: self._set(negative_prompt=text))
        self._build()
        for signal in (session.parameters_changed, session.packs_changed, session.jobs_changed):
            signal.connect(self.refresh)
        self.refresh()

    def _build(self) -> None:
        prompt = Group(self.theme, "Prompt")
        prompt.add(self.prompt)
        head = prompt.layout()
        assert head is not None
        line = row(prompt.head, self.examples, spacing=0)
        head.insertLayout(0, line)  # type: ignore[attr-defined]
        line.setStretch(0, 1)
        how = Group(self.theme, "How")
        name = label("Pictures")
        name.setFixedWidth(88)
        counts = row(name, self.count)
        counts.setStretch(1, 1)
        how.add(counts, column(self.pack, self._pack_help, spacing=look.XS))
        more = Group(self.theme, "More", is_open=False)
        more.content.setSpacing(look.M)
        more.add(self.seed, field_row("Steps", self.steps, "More steps take longer and refine; 20 to 30 are usual."),
                 field_row("Guidance", self.guidance, "How literally the prompt is taken; high values look harsh."),
                 self.closely,
                 field_row("Avoid", self.avoid, "Words for what shall not be drawn."),
                 field_row("Size", self.width_box, "The model learned at its own size; others may look odd."))
        for group in (prompt, self.shape, how, more):
            self.body.addWidget(group)
        self.body.addStretch(1)
        self.pin("Generate", self._commands["generate.run"].trigger)

    def refresh(self, *_news: object) -> None:
        """Show the session's state."""
        s, p = self._session, self._session.generate_parameters
        with self.showing():
            self.prompt.set_text(p.prompt)
            self.count.set_value(p.count)
            self.seed.show_seed(p.seed)
            for spin, value in ((self.steps, p.steps), (self.guidance, p.guidance)):
                spin.blockSignals(True)
                spin.setValue(value)  # type: ignore[arg-type]
                spin.blockSignals(False)
            self._show_packs()
            self.shape.refresh()
            self.closely.show_scale(p.control_scale, s.shape != FREE)
        obstacle = "" if s.pack else "No model is installed"
        obstacle = obstacle or ("This window is read-only" if s.workspace.read_only else self.shape.obstacle)
        seconds = s.seconds_to_generate
        self.primary.setText(f"Generate {p.count}" + (f", about {words.duration(seconds)}" if seconds else ""))
        self.primary.setEnabled(not obstacle)
        waiting = s.jobs.active
        self.hint.setText(obstacle or (f"Starts after {waiting} job{'s' if waiting > 1 else ''}" if waiting
                                       else "Every picture is marked as synthetic."))
        self._commands.enable("generate.run", not obstacle, obstacle)

    def _show_packs(self) -> None:
        packs, chosen = self._session.packs, self._session.pack
        shown = [pack.manifest.title for pack in packs] or ["No model installed"]
        if [self.pack.itemText(k) for k in range(self.pack.count())] != shown:
            self.pack.clear()
            self.pack.addItems(shown)
        self.pack.setEnabled(bool(packs))
        if chosen in packs:
            self.pack.setCurrentIndex(packs.index(chosen))
        manifest = chosen.manifest if chosen else None
        self._pack_help.setText(f"Model for {manifest.domain}, {manifest.native_size} px, version "
                                f"{manifest.version}" if manifest else "Models come as packs: see Models.")
        self._examples_menu.clear()
        for text in manifest.example_prompts if manifest else ():
            self._examples_menu.addAction(text, partial(self._set, prompt=text))
        self.examples.setVisible(bool(manifest and manifest.example_prompts))
        native = manifest.native_size if manifest else 128
        wide = self._session.generate_parameters.width
        if self.width_box.property("native") != native:
            self.width_box.setProperty("native", native)
            self.width_box.clear()
            for size in (0, native * 3 // 2 // 8 * 8, native * 2):
                self.width_box.addItem(f"{size or native} px" + ("" if size else " (the model's own)"), size)
        self.width_box.setCurrentIndex(max(0, self.width_box.findData(wide)))

    def _choose_pack(self, index: int) -> None:
        if index < len(self._session.packs):
            self._session.set_pack(self._session.packs[index])

    def _choose_size(self, index: int) -> None:
        self._set(width=self.width_box.itemData(index), height=self.width_box.itemData(index))

    def _set(self, **values: Any) -> None:
        if not self.is_showing:
            self._session.set_generate_parameters(**values)


class PictureGrid(QWidget):
    """The generated pictures, newest first; the chosen one large at the side with what it came from."""

    def __init__(self, theme: look.Theme, session: Session, commands: Commands, save: Callable[[int], None]) -> None:
        super().__init__()
        self.setObjectName("page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName("Generated pictures")
        self._theme, self._session = theme, session
        self._icons: dict[str, QIcon] = {}
        self.list = QListWidget()
        self.list.setObjectName("flat")
        self.list.setAccessibleName("Generated pictures, all synthetic")
        self.list.setViewMode(QListView.ViewMode.IconMode)
        self.list.setResizeMode(QListView.ResizeMode.Adjust)
        self.list.setMovement(QListView.Movement.Static)
        self.list.setUniformItemSizes(True)
        self.list.setSpacing(look.S)
        self.list.setIconSize(QSize(THUMB, THUMB))
        self.list.currentRowChanged.connect(self._show_chosen)
        self._title = label("Generated pictures", "subtitle")
        self._count = label("", "muted")
        self.empty = label("No pictures yet. Write a prompt at the right and press Generate.", "muted")
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        left = QWidget()
        body = column(row(self._title, self._count, None), self.empty, self.list, parent=left, spacing=look.M,
                      margins=(look.L, look.L, look.M, look.L))
        body.setStretch(1, 1)
        body.setStretch(2, 1)
        self.card = PictureCard(theme, session, commands, lambda: save(self.list.currentRow()))
        row(left, self.card, parent=self, spacing=0).setStretch(0, 1)
        session.pictures_changed.connect(self.refresh)
        session.jobs_changed.connect(self._show_running)
        theme.changed.connect(self._repaint)
        self.refresh()

    @property
    def chosen(self) -> Picture | None:
        """The picture that is shown large."""
        index, pictures = self.list.currentRow(), self._session.pictures
        return pictures[index] if 0 <= index < len(pictures) else None

    def refresh(self) -> None:
        """List the session's pictures; the chosen one stays chosen, or that in its place where it went."""
        pictures, place = self._session.pictures, max(0, self.list.currentRow())
        before = self.list.currentItem().data(Qt.ItemDataRole.UserRole) if self.list.currentItem() else None
        self.list.blockSignals(True)
        self.list.clear()
        for picture in pictures:
            item = QListWidgetItem(f"seed {picture.seed}")
            item.setData(Qt.ItemDataRole.UserRole, picture.id)
            item.setData(Qt.ItemDataRole.AccessibleTextRole, f"Synthetic picture, seed {picture.seed}"
                         + (", with its mask" if picture.has_mask else ""))
            item.setToolTip(str(picture.provenance.parameters.get("prompt", "")))
            item.setSizeHint(QSize(THUMB + 16, THUMB + 36))
            item.setIcon(self._icon(picture))
            self.list.addItem(item)
        ids = [picture.id for picture in pictures]
        self._icons = {key: self._icons[key] for key in ids}
        self.list.setCurrentRow(ids.index(before) if before in ids else min(place, len(ids) - 1))
        self.list.blockSignals(False)
        self.list.setVisible(bool(pictures))
        self.card.setVisible(bool(pictures))
        self.empty.setVisible(not pictures)
        self._show_running()
        self._show_chosen()

    def _icon(self, picture: Picture) -> QIcon:
        if picture.id not in self._icons:
            shown = pixmap(picture.pixels(), THUMB)
            painter = QPainter(shown)
            draw_syn(painter, self._theme.tokens, look.XS, look.XS)
            mask = picture.mask()
            if mask is not None:
                draw_inset(painter, mask, self._session.labels_of(picture), shown.rect())
            painter.end()
            icon = QIcon(shown)
            icon.addPixmap(shown, QIcon.Mode.Selected)
            self._icons[picture.id] = icon
        return self._icons[picture.id]

    def _repaint(self, _tokens: object) -> None:
        self._icons.clear()
        self.refresh()

    def _show_running(self) -> None:
        """Say what is under way; its previews are in the drawer."""
        entries = self._session.jobs.entries
        busy = [e for e in entries if e.record.kind == "generate" and e.record.state is JobState.RUNNING]
        count = len(self._session.pictures)
        text = f"{count} picture{'' if count == 1 else 's'}" if count else ""
        if busy:
            text += f"{', ' if text else ''}drawing: {round(busy[0].fraction * 100)} %"
        self._count.setText(text)

    def _show_chosen(self, _index: int = 0) -> None:
        picture = self.chosen
        if picture is not None:
            self.card.show_picture(picture)
