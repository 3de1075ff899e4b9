"""Generate: whole pictures from a prompt, in a grid, each marked SYN."""

from __future__ import annotations

from functools import partial
from typing import Any

from PySide6.QtWidgets import QComboBox, QLineEdit, QMenu

from medsynth_app.actions.generate import FREE
from medsynth_app.core.jobs.request import Sampling
from medsynth_app.core.options import option_of
from medsynth_app.core.words import _, ngettext
from medsynth_app.session.session import Session
from medsynth_app.ui.places.generate.conditioning import ShapeGroup
from medsynth_app.ui.shell.commands import Commands
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.theme.theme import Theme
from medsynth_app.ui.widgets import words
from medsynth_app.ui.widgets.basic import (
    ElidedLabel,
    Group,
    PromptEdit,
    Segmented,
    button,
    column,
    label,
    model_box,
    row,
)
from medsynth_app.ui.widgets.fields import Closeness, QuietSpin, SeedRow, Steps
from medsynth_app.ui.widgets.panel import Panel, field_row
from medsynth_app.ui.widgets.prompt_line import PromptLine
from medsynth_app.ui.widgets.words import READ_ONLY

COUNTS = tuple((n, str(n), ngettext("{count} picture", "{count} pictures", n).format(count=n)) for n in (1, 4, 8, 16))


class GeneratePanel(Panel):
    """Shows and changes `session.generate.parameters`.

    Attributes
    ----------
    obstacle
        Why no pictures can be drawn now, in a few words; "" when they can.
    """

    def __init__(self, theme: Theme, session: Session, commands: Commands) -> None:
        super().__init__(theme, _("Generate"))
        self._session, self._commands = session, commands
        self.obstacle = ""
        self.prompt = PromptEdit(_("Prompt"), _("What shall the pictures show?"), lines=3)
        self.prompt.edited.connect(lambda text: self._set(prompt=text))
        self.told = PromptLine()
        self.examples = button(_("Examples"), role="link", tip=_("Prompts that this model knows"))
        self._examples_menu = QMenu(self.examples)
        self.examples.setMenu(self._examples_menu)
        self.shape, self.closely = ShapeGroup(theme, session), Closeness(session.generate.set)
        self.shape.stale.connect(self.refresh)
        self.count = Segmented(COUNTS, _("Pictures"))
        self.count.chosen.connect(lambda count: self._set(count=count))
        self.pack = model_box(self._choose_pack)
        self._pack_help = ElidedLabel("", "help")
        self.seed = SeedRow(lambda seed: self._set(seed=seed))
        self.steps, self.guidance = Steps(), QuietSpin(option_of(Sampling, "guidance"), 0.5)
        self.steps.valueChanged.connect(lambda value: self._set(steps=value))
        self.guidance.valueChanged.connect(lambda value: self._set(guidance=value))
        self.width_box = QComboBox()
        self.width_box.activated.connect(self._choose_size)
        self.avoid = QLineEdit()
        self.avoid.setPlaceholderText(_("nothing"))
        self.avoid.setMinimumWidth(150)
        self.avoid.textEdited.connect(lambda text: self._set(negative_prompt=text))
        self._build()
        for signal in (session.generate.parameters_changed, session.generate.shape_changed, session.models.changed):
            signal.connect(self.refresh)
        session.jobs.changed.connect(self._refresh_state)
        self.refresh()

    def _build(self) -> None:
        prompt = Group(self.theme, _("Prompt"))
        prompt.add(self.prompt, self.told.label)
        head = prompt.layout()
        assert head is not None
        line = row(prompt.head, self.examples, spacing=0)
        head.insertLayout(0, line)  # type: ignore[attr-defined]
        line.setStretch(0, 1)
        how = Group(self.theme, _("How"))
        name = label(_("Pictures"))
        name.setFixedWidth(88)
        counts = row(name, self.count)
        counts.setStretch(1, 1)
        how.add(counts, column(self.pack, self._pack_help, spacing=look.XS))
        more = Group(self.theme, _("More"), is_open=False)
        more.content.setSpacing(look.M)
        more.add(self.seed,
                 field_row(_("Steps"), self.steps,
                           _("More steps take longer and refine; 0: as many as the model needs.")),
                 field_row(_("Guidance"), self.guidance,
                           _("How literally the prompt is taken; high values look harsh.")),
                 self.closely,
                 field_row(_("Avoid"), self.avoid, _("Words for what shall not be drawn.")),
                 field_row(_("Size"), self.width_box, _("The model learned at its own size; others may look odd.")))
        for group in (prompt, self.shape, how, more):
            self.body.addWidget(group)
        self.body.addStretch(1)
        self.pin(_("Generate"))
        self._commands.follow(self.primary, "generate.run", tip=False)

    def refresh(self, *_news: object) -> None:
        """Show the session's state."""
        s, p = self._session, self._session.generate.parameters
        with self.showing():
            self.prompt.set_text(p.conditioning.prompt)
            self.told.show(s.generate.told_of_prompt)
            self.count.set_value(p.sampling.count)
            self.seed.show_seed(p.sampling.seed)
            self.steps.show_steps(p.sampling.steps, s.models.pack)
            self.guidance.blockSignals(True)
            self.guidance.setValue(p.sampling.guidance)
            self.guidance.blockSignals(False)
            self._show_packs()
            self.shape.refresh()
            self.closely.show_scale(p.conditioning.control_scale, s.generate.shape != FREE)
        self._refresh_state()

    def _refresh_state(self) -> None:
        """The button, and what speaks against it."""
        s, p = self._session, self._session.generate.parameters
        self.obstacle = self.shape.obstacle if s.models.pack else _("No model is installed")
        if s.workspace.read_only:
            self.obstacle = READ_ONLY
        seconds = s.generate.expected_seconds
        self.primary.setText(_("Generate {count}, about {time}").format(
            count=p.sampling.count, time=words.duration(seconds)) if seconds else
            _("Generate {count}").format(count=p.sampling.count))
        waiting = s.jobs.active
        later = ngettext("Starts after {count} job", "Starts after {count} jobs", waiting).format(count=waiting)
        self.hint.setText(self.obstacle or (later if waiting else _("Every picture is marked as synthetic.")))
        self._commands.refresh("generate.run")

    def _show_packs(self) -> None:
        packs, chosen = self._session.models.packs, self._session.models.pack
        shown = [pack.manifest.title for pack in packs] or [_("No model installed")]
        if [self.pack.itemText(k) for k in range(self.pack.count())] != shown:
            self.pack.clear()
            self.pack.addItems(shown)
        self.pack.setEnabled(bool(packs))
        if chosen in packs:
            self.pack.setCurrentIndex(packs.index(chosen))
        manifest = chosen.manifest if chosen else None
        self._pack_help.setText(_("Model for {domain}, {size} px, version {version}").format(
            domain=manifest.domain, size=manifest.native_size, version=manifest.version)
            if manifest else _("Models come as packs: see Models."))
        self._examples_menu.clear()
        for text in manifest.example_prompts if manifest else ():
            self._examples_menu.addAction(text, partial(self._set, prompt=text))
        self.examples.setVisible(bool(manifest and manifest.example_prompts))
        native = manifest.native_size if manifest else 128
        wide = self._session.generate.parameters.width
        if self.width_box.property("native") != native:
            self.width_box.setProperty("native", native)
            self.width_box.clear()
            for size in (0, native * 3 // 2 // 8 * 8, native * 2):
                self.width_box.addItem(f"{size or native} px" + ("" if size else _(" (the model's own)")), size)
        self.width_box.setCurrentIndex(max(0, self.width_box.findData(wide)))

    def _choose_pack(self, index: int) -> None:
        if index < len(self._session.models.packs):
            self._session.models.set_pack(self._session.models.packs[index])

    def _choose_size(self, index: int) -> None:
        self._set(width=self.width_box.itemData(index), height=self.width_box.itemData(index))

    def _set(self, **values: Any) -> None:
        if not self.is_showing:
            self._session.generate.set(**values)
