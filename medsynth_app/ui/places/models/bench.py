"""The training bench: how a run goes, while it runs and afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QGridLayout, QLabel, QScrollArea, QWidget

from medsynth_app.core.job import JobState
from medsynth_app.core.jobs.train import (
    AUTOENCODER,
    BY_PATCHES,
    COMPARED,
    DISTANCE,
    DISTANCES,
    FLOOR,
    HIGHEST,
    LOWEST,
    distance_words,
    measured_by,
)
from medsynth_app.core.words import _
from medsynth_app.session.session import Session
from medsynth_app.session.training import Curve, Pictures, TrainingRun
from medsynth_app.ui.shell.commands import Commands
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.theme.theme import Theme
from medsynth_app.ui.widgets import words
from medsynth_app.ui.widgets.basic import Picture, button, clear, column, label, row
from medsynth_app.ui.widgets.panel import fact
from medsynth_app.ui.widgets.plot import Plot, PlotLine
from medsynth_app.ui.widgets.tiles import Tiles

EDGE = 112  # px of a picture
STATES = {JobState.WAITING: _("waits for its turn"), JobState.RUNNING: _("runs"), JobState.DONE: _("has ended"),
          JobState.FAILED: _("failed"), JobState.CANCELLED: _("was stopped; what it learned is kept")}
STAGES = {"freeze": _("Data"), "autoencoder": _("Autoencoder"), "decoder": _("Decoder"), "denoiser": _("Denoiser"),
          "control": _("ControlNet"), "masks": _("Model of masks"), "encoder": _("Encoder"), "detector": _("Detector")}
LOSS, VALIDATION, DISTANT = "loss", "validation", "distance"  # what the plots of a stage show
TITLES = {LOSS: _("loss of each step"), VALIDATION: _("validation"), DISTANT: _("distance to held-out pictures")}
NAMES = {DISTANCE: _("drawn"), FLOOR: _("real"), AUTOENCODER: _("real, through the autoencoder")}
Lines = Mapping[str, Curve]


def kind_of(name: str) -> str:
    """Which of the plots shows the figure of this name."""
    return LOSS if name == LOSS else DISTANT if name in DISTANCES else VALIDATION


@dataclass(frozen=True)
class _Shown:
    """A plot, and what stands below it."""

    plot: Plot
    about: QLabel


class TrainingPage(QScrollArea):
    """One run: where it is, its curves beside those of another, what it draws."""

    shown = Signal(str)  # the run of this job

    def __init__(self, theme: Theme, session: Session, commands: Commands) -> None:
        super().__init__()
        self.setAccessibleName(_("Training run"))
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._theme, self._session, self._commands = theme, session, commands
        self.run: TrainingRun | None = None
        self._drawn: Pictures = ()
        self._plots: dict[tuple[str, str], _Shown] = {}
        self._title, self._state = label("", "title"), label("", "muted", wrap=True)
        self.stop, self.go_on, self.branch = button(_("Stop and keep")), button(_("Go on")), button(_("Branch…"))
        for each, name in ((self.stop, "stop_run"), (self.go_on, "go_on"), (self.branch, "branch")):
            commands.follow(each, f"models.{name}")
        self.other = QComboBox()
        self.other.setAccessibleName(_("Run to compare with"))
        self.other.setMinimumWidth(200)
        self.other.activated.connect(lambda _row: self.refresh())
        self._facts = column(spacing=look.S)
        self._curves = Tiles()
        self._pictures = QGridLayout()
        self._pictures.setSpacing(look.S)
        self._drawn_head = label(_("Drawn from fixed seeds"), "heading")
        self._drawn_help = label(_("Above what it draws now, below the picture that it learned from and that is most "
                                   "like it, by copies of 16 pixels. Two that are the same mean that it remembers."),
                                 "help", wrap=True)
        inner = QWidget()
        inner.setObjectName("page")
        inner.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        body = column(self._title, self._state, row(self.stop, self.go_on, self.branch, None),
                      row(label(_("Compare with"), "muted"), self.other, None), parent=inner, spacing=look.M,
                      margins=(look.L * 2, look.L + 8, look.L * 2, look.L))
        body.addLayout(self._facts)
        body.addWidget(self._curves)
        body.addWidget(self._drawn_head)
        body.addWidget(self._drawn_help)
        body.addLayout(self._pictures)
        body.addStretch(1)
        self.setWidget(inner)
        session.training.changed.connect(self._hear)
        session.jobs.changed.connect(self.refresh)

    def show_run(self, run: TrainingRun) -> None:
        """Show this run."""
        if self.run is None or run.id != self.run.id:
            self._curves.clear()
            self._plots = {}
        self.run = run
        self.refresh()
        self.shown.emit(run.id)

    def show_one_of(self, jobs: Sequence[str], beside: TrainingRun | None = None) -> None:
        """Show the run of one of these jobs, held against another."""
        found = next((each for each in self._session.training.runs if each.id in jobs), None)
        if found is not None:
            self.show_run(found)
            if beside is not None:
                self.other.setCurrentIndex(max(0, self.other.findData(beside.id)))
                self.refresh()

    def refresh(self) -> None:
        """Follow the run, and those that it can be compared with."""
        self._commands.refresh("models.stop_run", "models.go_on", "models.branch")
        if self.run is None:
            return
        runs = self._session.training.runs  # it may go on as another job
        run = self.run = next((each for each in runs if each.out == self.run.out), self.run)
        state = run.entry.record.state
        self._title.setText(_("Training {name}").format(name=run.name))
        self._state.setText(self._words(run))
        self.stop.setVisible(not state.ended)
        self.go_on.setVisible(state in (JobState.CANCELLED, JobState.FAILED))
        self._offer(tuple(each for each in runs if each.id != run.id and each.part == run.part))
        self._show_facts(run)
        self._show_curves(run)
        self._show_pictures(run)

    # -- inner

    def _hear(self, job_id: str) -> None:
        if self.run is not None and job_id in (self.run.id, self.other.currentData()) and self.isVisible():
            self.refresh()

    def _words(self, run: TrainingRun) -> str:
        entry, state = run.entry, run.entry.record.state
        if state is not JobState.RUNNING or not run.stage:
            rest = f" {entry.message}" if entry.message and state in (JobState.FAILED, JobState.RUNNING) else ""
            return f"{_('It')} {STATES[state]}.{rest}"
        left = f", {_('about {time} left').format(time=words.duration(entry.seconds_left))}" \
            if entry.seconds_left is not None else ""
        return _("{stage}: step {step} of {steps}").format(stage=STAGES.get(run.stage, run.stage), step=f"{run.step:,}",
                                                           steps=f"{run.steps:,}") + left

    def _offer(self, others: tuple[TrainingRun, ...]) -> None:
        rows = [(each.name, each.id) for each in others]
        if rows and rows == [(self.other.itemText(k), self.other.itemData(k)) for k in range(1, self.other.count())]:
            return  # somebody may be choosing
        kept = self.other.currentData()
        self.other.clear()
        self.other.addItem(_("no other run"), "")
        for each in others:
            self.other.addItem(each.name, each.id)
        self.other.setCurrentIndex(max(0, self.other.findData(kept)))
        self.other.setEnabled(bool(others))

    def _show_facts(self, run: TrainingRun) -> None:
        clear(self._facts)
        for stage, lines in run.curves.items():
            found = ", ".join(f"{name} {words.number(curve[-1][1])}" for name, curve in lines.items()
                              if kind_of(name) != DISTANT)
            self._facts.addWidget(fact(STAGES.get(stage, stage), _("step {step}: {figures}").format(
                step=f"{max(curve[-1][0] for curve in lines.values()):,}", figures=found)))
            if distance := distance_words(_latest(lines)):
                self._facts.addWidget(fact(_("Distance"), _("to held-out pictures {distance}").format(
                    distance=distance)))

    def _show_curves(self, run: TrainingRun) -> None:
        other = next((each for each in self._session.training.runs if each.id == self.other.currentData()), None)
        for stage, lines in run.curves.items():
            beside = other.curves.get(stage, {}) if other is not None else {}
            name = other.name if other is not None else ""
            for kind in (LOSS, VALIDATION):
                shown = [PlotLine(each, curve) for each, curve in lines.items() if kind_of(each) == kind]
                shown += [PlotLine(f"{each}, {name}", curve, faint=True) for each, curve in beside.items()
                          if kind_of(each) == kind]
                if shown:
                    by = measured_by(set(lines) - {DISTANCE}) if kind == VALIDATION else ""
                    self._show(stage, kind, shown, _sentence(by))
            if DISTANCE in lines:
                self._show_distance(stage, lines, beside, name)

    def _show_distance(self, stage: str, lines: Lines, beside: Lines, name: str) -> None:
        """The distance of what is drawn over the floor, which no training changes: a line across."""
        now = _latest(lines)
        ends = sorted({step for curve in lines.values() for step, _value in (curve[0], curve[-1])})
        ends = [ends[0], ends[-1]]
        shown = [PlotLine(NAMES[DISTANCE], lines[DISTANCE]),
                 PlotLine(NAMES[FLOOR], [(step, now[FLOOR]) for step in ends], band=[(now[LOWEST], now[HIGHEST])] * 2),
                 PlotLine(NAMES[AUTOENCODER], [(step, now[AUTOENCODER]) for step in ends])]
        about = _("{count:.0f} drawn pictures against {count:.0f} held-out ones of the same captions. Dashed, with its "
                  "range: as many real pictures against those, which a model gets below only by chance. Dotted: the "
                  "same through the autoencoder alone. Measured on {by}.").format(count=now[COMPARED], by=BY_PATCHES)
        if DISTANCE in beside:
            shown.append(PlotLine(f"{NAMES[DISTANCE]}, {name}", beside[DISTANCE], faint=True))
            if _latest(beside)[FLOOR] != now[FLOOR]:
                about += " " + _("{name} was held against other real pictures: the two cannot be compared.").format(
                    name=name)
        self._show(stage, DISTANT, shown, about)

    def _show(self, stage: str, kind: str, lines: Sequence[PlotLine], about: str) -> None:
        if (stage, kind) not in self._plots:
            title = f"{STAGES.get(stage, stage)}: {TITLES[kind]}"
            made = self._plots[stage, kind] = _Shown(Plot(self._theme, title), label("", "help", wrap=True))
            tile = QWidget()
            column(label(title, "heading", wrap=True), made.plot, made.about, parent=tile).addStretch(1)
            self._curves.add(tile)
        self._plots[stage, kind].about.setText(about)
        self._plots[stage, kind].about.setVisible(bool(about))
        self._plots[stage, kind].plot.show_lines(lines)

    def _show_pictures(self, run: TrainingRun) -> None:
        for part in (self._drawn_head, self._drawn_help):
            part.setVisible(bool(run.drawn))
        if run.drawn is self._drawn:
            return
        self._drawn = run.drawn
        clear(self._pictures)
        for at, pictures in enumerate((run.drawn, run.nearest)):
            for k, picture in enumerate(pictures):
                shown = Picture(self._theme, EDGE)
                shown.show_picture(picture, synthetic=at == 0)
                shown.setAccessibleName(_("Drawn from seed {seed}, synthetic").format(seed=k) if at == 0
                                        else _("Nearest training picture of seed {seed}").format(seed=k))
                self._pictures.addWidget(shown, at, k)
        self._pictures.setColumnStretch(max(1, len(run.drawn)), 1)


def _latest(lines: Lines) -> dict[str, float]:
    """The last value of each."""
    return {name: curve[-1][1] for name, curve in lines.items()}


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}." if words else ""
