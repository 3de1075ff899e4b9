"""Label: the answers with their keys, how far one has come, what was learned, and how the set is labelled."""

from __future__ import annotations

from typing import Any

from PySide6.QtWidgets import QCheckBox, QComboBox, QMenu, QSpinBox

from medsynth_app.actions.learn import new_classes
from medsynth_app.core.cell_schema import CellSchema
from medsynth_app.core.label_options import RANDOM, USEFUL
from medsynth_app.core.pack import PackManifest
from medsynth_app.core.words import _, ngettext
from medsynth_app.ranking.catalogue import STRATEGIES, strategy_of
from medsynth_app.session.session import Session
from medsynth_app.ui.places.label.answers import AnswerPalette
from medsynth_app.ui.places.label.figures import Bar
from medsynth_app.ui.places.label.learned_group import LearnedGroup
from medsynth_app.ui.shell.commands import Commands
from medsynth_app.ui.shell.runner import Runner
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.theme.theme import Theme
from medsynth_app.ui.widgets.basic import Group, Segmented, button, column, label, row
from medsynth_app.ui.widgets.fields import indent
from medsynth_app.ui.widgets.panel import Panel, field_row

ORDERS = tuple((name, strategy_of(name).title, strategy_of(name).help) for name in (USEFUL, RANDOM))


class LabelPanel(Panel):
    """The inspector of Label."""

    def __init__(self, theme: Theme, session: Session, commands: Commands, run: Runner) -> None:
        super().__init__(theme, _("Label"))
        self._session, self._labelling, self._commands, self._run = session, session.labelling, commands, run
        self._one_cell = True
        self.palette_ = AnswerPalette(theme)
        self.pace, self.bar = label("", "muted", wrap=True), Bar(theme)
        self.order = Segmented(ORDERS, _("Order"))
        self.order.chosen.connect(lambda name: self._change(strategy=name))
        self.other_orders = button(_("More orders"), role="link", tip=_("Further ways to choose the next cells"))
        self._orders_menu = QMenu(self.other_orders)
        self._orders_menu.setToolTipsVisible(True)
        self.other_orders.setMenu(self._orders_menu)
        self.about_order = label("", "help", wrap=True)
        self.learned = LearnedGroup(theme, session)
        self.doubtful, self.disagreements = button("", role="link"), button("", role="link")
        commands.follow(self.doubtful, "label.doubtful", tip=False)
        commands.follow(self.disagreements, "label.disagreements", tip=False)
        self._nothing_to_review = label(_("No label looks doubtful, and nobody disagrees."), "help", wrap=True)
        self.files = column(spacing=look.S)  # how labels come in and go out
        self._begin = label(_("Classes, progress and what was learned stand here once there are cells to label."),
                            "muted", wrap=True)
        self._build()
        labelling = session.labelling
        for signal, follow in ((labelling.changed, self.refresh), (labelling.labels_changed, self._show_labels),
                               (labelling.asked_changed, self.show_predicted),
                               (labelling.teaching.learned_changed, self._show_learned),
                               (labelling.teaching.stage_changed, self._show_primary),
                               (session.models.changed, self._show_encoders)):
            signal.connect(follow)
        self.refresh()

    def _build(self) -> None:
        self._groups = (
            Group(self.theme, _("Answers")).add(self.palette_),
            Group(self.theme, _("Progress")).add(self.bar, self.pace),
            Group(self.theme, _("Order")).add(self.order, row(self.about_order, spacing=0),
                                             row(self.other_orders, None)),
            self.learned,
            Group(self.theme, _("Review")).add(self._nothing_to_review, row(self.doubtful, None),
                                              row(self.disagreements, None)),
            self._options())
        self.body.addWidget(self._begin)
        for group in self._groups:
            self.body.addWidget(group)
        self.body.addStretch(1)
        self.pin(_("Learn now"))
        self._commands.follow(self.primary, "label.learn", tip=False)

    def _options(self) -> Group:
        self.blind = QCheckBox(_("Blind"))
        self.blind.toggled.connect(lambda on: self._change(blind=on))
        self.suggest = QCheckBox(_("Show the predicted class"))
        self.suggest.toggled.connect(lambda on: self._change(suggest=on))
        self.control, self.repeats = _spin(0, 100, " %"), _spin(0, 50, " %")
        self.batch, self.budget = _spin(1, 1000), _spin(0, 1_000_000)
        self.budget.setSpecialValueText(_("all"))
        for spin, name, share in ((self.control, "control", 100), (self.repeats, "repeats", 100),
                                  (self.batch, "batch", 0), (self.budget, "budget", 0)):
            spin.editingFinished.connect(lambda spin=spin, name=name, share=share:
                                         self._change(**{name: spin.value() / share if share else spin.value()}))
        self.encoder = QComboBox()
        self.encoder.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.encoder.activated.connect(lambda at: self._change(encoder=self.encoder.itemData(at)))
        self.about_encoder = label("", "help", wrap=True)
        group = Group(self.theme, _("This set"), is_open=False)
        group.content.setSpacing(look.M)
        rename, classes, add = button(_("Rename…")), button(_("Classes…")), button(_("Add cells…"))
        for found, name in ((rename, "label.rename"), (classes, "label.classes"), (add, "label.add")):
            self._commands.follow(found, name, tip=False)
        group.add(
            row(rename, classes, add, spacing=look.XS),
            column(self.blind, label(_("Neither predictions nor origins are shown, and every cell at one resolution."),
                                     "help", wrap=True), spacing=2),
            column(self.suggest, label(_("Never for the cells that chance draws: they measure its pull."), "help",
                                       wrap=True), spacing=2),
            field_row(_("Cells by chance"), self.control, _("Mixed in for everybody: all figures rest on them.")),
            field_row(_("Hidden repeats"), self.repeats, _("Asked again, untold: do you agree with yourself?")),
            field_row(_("Learn after"), self.batch, _("So many new labels.")),
            column(field_row(_("Encoder"), self.encoder), self.about_encoder, spacing=2),
            field_row(_("Plan"), self.budget, _("How many cells you mean to label.")), self.files)
        return group

    # -- as things stand

    def refresh(self) -> None:
        """Show the open set."""
        opened = self._labelling.current
        there = opened is not None and bool(opened.cells)
        self._begin.setVisible(not there)
        for group in self._groups:
            group.setVisible(there)
        with self.showing():
            self.palette_.show_schema(opened.schema if opened is not None else None)
            if opened is not None:
                options = opened.options
                self.palette_.enable(not opened.read_only)
                self.order.set_value(options.strategy)
                self.about_order.setText(strategy_of(options.strategy).help if _known(options.strategy) else "")
                self.blind.setChecked(options.blind)
                self.suggest.setChecked(options.suggest)
                for spin, value in ((self.control, round(100 * options.control)), (self.batch, options.batch),
                                    (self.repeats, round(100 * options.repeats)), (self.budget, options.budget)):
                    spin.setValue(value)
        self._fill_orders()
        self._show_encoders()
        self._show_labels()
        self._show_learned()

    def _show_encoders(self) -> None:
        """What cells may be compared by, and what the encoder in use was taught."""
        opened, used = self._labelling.current, self._labelling.teaching.encoder
        if opened is None:
            return
        known = [("", _("The one that suits"))] + [(each.manifest.sha256, each.manifest.name) for each
                                                   in self._session.models.installed if each.manifest.kind == "encoder"]
        self.encoder.clear()
        for sha256, name in known:
            self.encoder.addItem(name, sha256)
        self.encoder.setCurrentIndex(max(0, self.encoder.findData(opened.options.encoder)))
        self.encoder.setEnabled(not opened.read_only)
        self.about_encoder.setText(_about(used.manifest, opened.schema) if used is not None else "")

    def _show_labels(self) -> None:
        """How far one has come."""
        if self._labelling.current is None:
            self._show_primary()
            return
        tally = self._labelling.tally
        self.palette_.show_counts(tally.per_class)
        self.bar.show_share(tally.answers / max(1, tally.planned))
        parts = [_("{answers} of {planned} cells answered").format(answers=f"{tally.answers:,}",
                                                                  planned=f"{tally.planned:,}")]
        if tally.per_minute is not None:
            parts.append(_("{pace} a minute").format(pace=round(tally.per_minute)))
            left = max(0, tally.planned - tally.answers) / max(tally.per_minute, 0.1)
            if 1 <= left < 600:
                parts.append(_("about {minutes} min left").format(minutes=round(left)))
        self.pace.setText(", ".join(parts))
        self._show_doubtful()
        self._show_primary()

    def look_at_one(self, on: bool) -> None:
        """Whether one cell is looked at: only of that something is predicted here."""
        self._one_cell = on
        self.show_predicted()

    def show_predicted(self) -> None:
        """Mark the suggested class of the asked cell."""
        asked = self._labelling.asked if self._one_cell else None
        answer = self._labelling.suggestion(asked) if asked is not None else ""
        share = self._labelling.teaching.share(asked.place, answer) if asked is not None and answer else 0.0
        self.palette_.show_predicted(answer, share)

    def _show_doubtful(self) -> None:
        doubtful = len(self._session.label_review.doubtful)
        self.doubtful.setText(ngettext("{count} label looks doubtful: look at it",
                                       "{count} labels look doubtful: look at them", doubtful).format(count=doubtful))
        self.doubtful.setVisible(doubtful > 0)
        self._commands.refresh("label.doubtful")
        self._nothing_to_review.setVisible(not doubtful and self.disagreements.isHidden())

    def _show_learned(self) -> None:
        apart = len(self._session.label_review.disagreements)
        self.disagreements.setText(ngettext("{count} cell is called two things: look at it",
                                            "{count} cells are called two things: look at them", apart
                                            ).format(count=apart))
        self.disagreements.setVisible(apart > 0)
        self._commands.refresh("label.disagreements")
        self._show_doubtful()
        self.show_predicted()
        self._show_primary()

    def _show_primary(self) -> None:
        opened, teaching = self._labelling.current, self._labelling.teaching
        known = len(self._labelling.consensus) if opened is not None else 0
        self.primary.setText(ngettext("Learn from {count} label", "Learn from {count} labels", known).format(
            count=f"{known:,}") if known else _("Learn from labels"))
        self._commands.refresh("label.learn", "label.like")
        self.hint.setText(self._commands.reason("label.learn") or (
            _("It learns by itself after each {count} labels.").format(count=opened.options.batch)
            if opened is not None and teaching.encoder is not None else ""))

    def _fill_orders(self) -> None:
        self._orders_menu.clear()
        opened = self._labelling.current
        for entry in STRATEGIES:
            if entry.name in (USEFUL, RANDOM):
                continue
            action = self._orders_menu.addAction(entry.title)
            action.setToolTip(f"{entry.help}\n{entry.source}")
            action.setCheckable(True)
            action.setChecked(opened is not None and opened.options.strategy == entry.name)
            action.triggered.connect(lambda _checked=False, name=entry.name: self._change(strategy=name))

    def _change(self, **options: Any) -> None:
        opened = self._labelling.current
        if self.is_showing or opened is None or all(getattr(opened.options, name) == value
                                                    for name, value in options.items()):
            return
        self._run(lambda: self._labelling.change(**options))


def _about(encoder: PackManifest, schema: CellSchema) -> str:
    """What an encoder saw of these classes while it learned."""
    if encoder.taught is None:
        return _("{name} does not tell whether it saw labels.").format(name=encoder.name)
    if not encoder.taught:
        return _("{name} saw no label: no class is better known to it than another.").format(name=encoder.name)
    new = len(new_classes(schema, encoder.taught))
    return ngettext("{name} was taught by labels; {count} of these classes is new to it.",
                    "{name} was taught by labels; {count} of these classes are new to it.", new).format(
                        name=encoder.name, count=new)


def _known(name: str) -> bool:
    return any(entry.name == name for entry in STRATEGIES)


def _spin(low: int, high: int, suffix: str = "") -> QSpinBox:
    found = QSpinBox()
    found.setRange(low, high)
    found.setSuffix(suffix)
    found.setMinimumWidth(96)
    indent(found)
    return found
