"""The Paint inspector: classes, what to draw, how strongly, and the one button that runs it."""

from __future__ import annotations

from functools import partial
from typing import Any

from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtGui import QColor, QIcon, QPainter
from PySide6.QtWidgets import QButtonGroup, QCheckBox, QGridLayout, QMenu, QSizePolicy, QToolButton, QWidget

from medsynth_app.core.errors import UserError
from medsynth_app.core.jobs.inpaint import INPAINT
from medsynth_app.core.jobs.request import Sampling
from medsynth_app.core.labels import LabelClass, LabelSchema
from medsynth_app.core.options import option_of
from medsynth_app.core.pack_files import InstalledPack
from medsynth_app.core.words import _, ngettext
from medsynth_app.session.session import Session
from medsynth_app.ui.places.paint.groups import TITLES
from medsynth_app.ui.places.paint.more import MoreInpaint
from medsynth_app.ui.shell.commands import Commands
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.theme.theme import Theme, swatch, ui_font
from medsynth_app.ui.widgets import words
from medsynth_app.ui.widgets.basic import (
    ElidedLabel,
    Group,
    PromptEdit,
    Segmented,
    button,
    clear,
    column,
    label,
    model_box,
    row,
)
from medsynth_app.ui.widgets.fields import percents
from medsynth_app.ui.widgets.panel import Panel, SliderRow
from medsynth_app.ui.widgets.prompt_line import PromptLine
from medsynth_app.ui.widgets.words import NO_IMAGE, READ_ONLY, UNSEEN

MODES = (("replace", TITLES["replace"], _("Draws what the prompt says.")),
         ("remove", TITLES["remove"], _("Fills from the surroundings, as if nothing had been there.")),
         ("vary", TITLES["vary"], _("Keeps the likeness and changes the details.")))
VERBS = {"replace": _("Inpaint"), "remove": _("Remove"), "vary": _("Vary")}
REMOVE_INSTEAD = _("Remove needs none.")
COUNTS = tuple((n, str(n), ngettext("{count} candidate to choose from", "{count} candidates to choose from",
                                               n).format(count=n)) for n in (1, 2, 4, 8))


def class_icon(item: LabelClass, number: int, edge: int = look.ICON_PX, ratio: float = 2.0) -> QIcon:
    """The class's colour with its key in it."""
    picture = swatch(item.colour, edge, 4, ratio)
    if number <= 9:
        painter = QPainter(picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = ui_font()
        font.setPixelSize(11)
        font.setBold(True)
        painter.setFont(font)
        dark = look.contrast(item.colour, "#000000") >= look.contrast(item.colour, "#FFFFFF")
        painter.setPen(QColor("#000000" if dark else "#FFFFFF"))
        painter.drawText(0, 0, edge, edge, Qt.AlignmentFlag.AlignCenter, str(number))
        painter.end()
    return QIcon(picture)


def not_writable(session: Session) -> str | None:
    if session.documents.current is None:
        return NO_IMAGE
    if session.view.state.unreadable is not None:
        return UNSEEN
    return READ_ONLY if session.documents.read_only else None


class InpaintPanel(Panel):
    """Shows and changes `session.inpaint.parameters`, the class painted with, and the pack.

    Attributes
    ----------
    obstacle
        Why a run cannot be started now, in a few words; "" when it can. Looked at a moment after the last change.
    run_title
        What a run would do.
    """

    def __init__(self, theme: Theme, session: Session, commands: Commands) -> None:
        super().__init__(theme, _("Paint"))
        self._session, self._commands = session, commands
        self._schema: LabelSchema | None = None  # whose classes are shown
        self.obstacle = ""
        self.run_title = _("Inpaint")
        self._classes = QGridLayout()
        self._classes.setSpacing(look.XS)
        self._class_group = QButtonGroup(self)
        self._class_group.idClicked.connect(session.painting.set_label)
        self.mode = Segmented(MODES, _("Mode"))
        self.mode.chosen.connect(lambda mode: self._set(mode=mode))
        self.mode_help = label("", "help", wrap=True)
        self.prompt = PromptEdit(_("Prompt"), _("What shall be drawn here?"))
        self.prompt.edited.connect(lambda text: self._set(prompt=text))
        self.examples = button(_("Examples"), role="link", tip=_("Prompts that this model knows"))
        self._examples_menu = QMenu(self.examples)
        self.examples.setMenu(self._examples_menu)
        self.told = PromptLine()
        self.follow = QCheckBox(_("Keep to the painted shape"))
        self.follow.toggled.connect(self._choose_follow)
        self.strength = SliderRow(_("How strong"), *percents(option_of(Sampling, "strength")),
                                  lambda value: self._set(strength=value / 100))
        self.strength.slider.setToolTip(_("100 %: what was there is ignored. Less keeps more of it."))
        self.count = Segmented(COUNTS, _("Candidates"))
        self.count.chosen.connect(lambda count: self._set(count=count))
        self._engines: tuple[InstalledPack | None, ...] = ()  # as the box lists them; None: the classical fill
        self.pack = model_box(self._choose_pack)
        self._pack_help = ElidedLabel("", "help")
        self._warnings = QWidget()
        self._warning_lines = column(parent=self._warnings, spacing=look.XS)
        self.more = MoreInpaint(theme, session)
        self._build()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(120)
        self._timer.timeout.connect(self._refresh_state)
        self._connect()
        self.refresh()

    def _build(self) -> None:
        classes = Group(self.theme, _("Class to paint"))
        classes.add(self._classes)
        fill = Group(self.theme, _("What to do"))
        fill.add(self.mode, self.mode_help)
        prompt = Group(self.theme, _("Prompt"))
        head = prompt.layout()
        assert head is not None
        prompt.add(self.prompt, self.told.label, self.follow)
        line = row(prompt.head, self.examples, spacing=0)
        head.insertLayout(0, line)  # type: ignore[attr-defined]
        line.setStretch(0, 1)
        prompt.head.toggled.connect(self.examples.setVisible)
        how = Group(self.theme, _("How"))
        name = label(_("Candidates"))
        name.setFixedWidth(88)
        counts = row(name, self.count)
        counts.setStretch(1, 1)
        how.add(self.strength, counts, column(self.pack, self._pack_help, spacing=look.XS))
        for part in (classes, fill, prompt, how, self._warnings, self.more):
            self.body.addWidget(part)
        self.body.addStretch(1)
        self.pin(_("Inpaint"))
        self._commands.follow(self.primary, "paint.run", tip=False)

    def _connect(self) -> None:
        s = self._session
        for signal in (s.inpaint.parameters_changed, s.painting.mask_value_changed, s.models.changed,
                       s.painting.label_changed, s.painting.schema_changed, s.documents.current_changed):
            signal.connect(self.refresh)
        for signal in (s.view.index_changed, s.changed, s.jobs.changed):
            signal.connect(self._later)
        self.theme.changed.connect(lambda _tokens: self.refresh())

    def _later(self, *_news: object) -> None:
        if not self._timer.isActive():
            self._timer.start()

    def refresh(self, *_news: object) -> None:
        """Show the session's state."""
        p = self._session.inpaint.parameters
        with self.showing():
            self._show_classes()
            self.mode.set_value(p.mode)
            missing, drawn = self._no_model(), p.mode != "remove"
            help_text = next(text for mode, _title, text in MODES if mode == p.mode)
            self.mode_help.setText(f"{missing}. {REMOVE_INSTEAD}" if missing else help_text)
            self.prompt.set_text(p.conditioning.prompt)
            self.prompt.setEnabled(drawn and not missing)
            self.examples.setEnabled(drawn and not missing)
            self.told.show(() if missing else self._session.inpaint.told_of_prompt)
            self.strength.setEnabled(not self._session.inpaint.without_model)
            self.strength.show_value(round(p.sampling.strength * 100), f"{round(p.sampling.strength * 100)} %")
            self.count.set_value(p.sampling.count)
            self._show_packs()
            self.more.refresh()
        self._refresh_state()

    def _show_classes(self) -> None:
        schema = self._session.painting.schema
        if self._schema != schema:
            self._schema = schema
            for old in self._class_group.buttons():
                self._class_group.removeButton(old)
            clear(self._classes)
            for index, item in enumerate(schema.classes):
                self._classes.addWidget(self._class_button(item, index + 1), index // 2, index % 2)
        chosen = self._class_group.button(self._session.painting.label_value)
        if chosen is not None:
            chosen.setChecked(True)

    def _class_button(self, item: LabelClass, number: int) -> QToolButton:
        found = QToolButton()
        found.setProperty("role", "class")
        found.setText(f" {item.name}")
        found.setIcon(class_icon(item, number))
        found.setIconSize(QSize(look.ICON_PX, look.ICON_PX))
        found.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        found.setCheckable(True)
        found.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        found.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        found.setToolTip(_("Paint {label}  (key {key})").format(label=item.name, key=number))
        found.setAccessibleName(_("Class {label}, key {key}").format(label=item.name, key=number))
        self._class_group.addButton(found, item.value)
        return found

    def _show_packs(self) -> None:
        inpaint, missing = self._session.inpaint, self._no_model()
        chosen = None if missing else inpaint.pack
        self._engines = () if missing else self._session.models.packs
        if inpaint.parameters.mode == "remove":  # which needs no model
            self._engines = (None, *self._engines)
        self.pack.clear()
        for pack in self._engines:
            self.pack.addItem(pack.manifest.title if pack is not None else _("No model: from the surroundings"))
        if not self._engines:
            self.pack.addItem(_("None for such images") if self._session.models.packs else _("No model installed"))
        self.pack.setEnabled(bool(self._engines))
        self.pack.setCurrentIndex(self._engines.index(chosen) if chosen in self._engines else 0)
        manifest = chosen.manifest if chosen else None
        if manifest is not None:
            facts = _("Model for {domain}, {size} px, version {version}").format(
                domain=manifest.domain, size=manifest.native_size, version=manifest.version)
        else:
            facts = (_("Tissue of the same image, fitted at the seam.") if inpaint.without_model
                     else _("Models come as packs: see Models."))
        self._pack_help.setText(facts)
        self._examples_menu.clear()
        for text in manifest.example_prompts if manifest else ():
            self._examples_menu.addAction(text, partial(self._set, prompt=text))
        self.examples.setVisible(bool(manifest and manifest.example_prompts))

    def _choose_pack(self, index: int) -> None:
        if not self.is_showing and index < len(self._engines):
            self._session.inpaint.choose(self._engines[index])

    def _set(self, **values: Any) -> None:
        if not self.is_showing:
            self._session.inpaint.set(**values)

    def _choose_follow(self, on: bool) -> None:
        """What the prompt would choose anyway is left to it, so that the next prompt chooses anew."""
        self._set(follow=None)
        if not self.is_showing and self._session.inpaint.followed[1] != on:
            self._set(follow=on)

    # -- the button and what speaks against it

    def _obstacle(self) -> str:
        """Why a run cannot be started now, in a few words; "" when it can."""
        s = self._session
        if reason := not_writable(s) or self._no_model():
            return reason
        mask = s.documents.opened().mask(s.view.index)
        wanted = mask == s.painting.mask_value if s.painting.mask_value is not None else mask
        if not wanted.any():
            return _("Paint a region on the image first")
        return ""

    def _no_model(self) -> str:
        """Why no model could do what is asked, in a few words; "" where one can, or none is needed."""
        inpaint = self._session.inpaint
        if inpaint.without_model:
            return ""
        if inpaint.pack is None:
            return _("No model is installed")
        return (inpaint.unknown_kind or "") if inpaint.parameters.mode != "remove" else ""

    def _refresh_state(self) -> None:
        s = self._session
        obstacle = self.obstacle = self._obstacle()
        verb, count = VERBS[s.inpaint.parameters.mode], s.inpaint.parameters.sampling.count
        seconds = s.inpaint.expected_seconds
        waiting = s.jobs.ahead(INPAINT.lane)
        self.primary.setText(_("{verb} {count}, about {time}").format(
            verb=verb, count=count, time=words.duration(seconds)) if seconds else f"{verb} {count}")
        key = self._commands.key_text("paint.run")
        one = s.documents.current is None or len(s.documents.current.info.frames) == 1
        ready = _("The image changes only when you accept.") if one \
            else _("This slice only. It changes when you accept.")
        if waiting:
            ready = ngettext("Starts after {count} job", "Starts after {count} jobs", waiting).format(count=waiting)
        self.hint.setText(obstacle or ready)
        self.primary.setToolTip(obstacle or _("Draws {count} candidates  ({key})\nNothing changes until you accept one")
                                .format(count=count, key=key))
        self.run_title = _("Inpaint: {verb} what is painted").format(verb=verb.lower())
        self._commands.refresh("paint.run")
        self._show_follow()
        self._show_warnings(() if obstacle else self._warning_texts())

    def _show_follow(self) -> None:
        """Offered where the model knows what is painted."""
        known, follows = self._session.inpaint.followed
        self.follow.setVisible(bool(known) and self._session.inpaint.parameters.mode == "replace")
        self.follow.setToolTip(_(
            "Draws {labels} just where painted.\nWithout it the prompt alone decides what is drawn in the region.\n"
            "On by itself where the prompt names what is painted.").format(labels=_(" and ").join(known)))
        with self.showing():
            self.follow.setChecked(follows)

    def _warning_texts(self) -> tuple[str, ...]:
        try:
            return self._session.inpaint.warnings
        except UserError as error:
            return (str(error),)

    def _show_warnings(self, texts: tuple[str, ...]) -> None:
        if self._warnings.property("texts") == list(texts):
            return
        self._warnings.setProperty("texts", list(texts))
        clear(self._warning_lines)
        for text in texts:
            mark = label()
            icon = self.theme.icon("alert-outline", self.theme.tokens.warning)
            mark.setPixmap(icon.pixmap(look.ICON_PX, look.ICON_PX))
            mark.setAlignment(Qt.AlignmentFlag.AlignTop)
            line = QWidget()
            row(mark, label(text, "warning", wrap=True), parent=line).setStretch(1, 1)
            self._warning_lines.addWidget(line)
        self._warnings.setVisible(bool(texts))
