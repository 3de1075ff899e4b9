"""Models: the packs that are installed, and training.

What trains, and looks at data, is loaded when somebody asks for it: the window opens without.
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QStackedWidget

from medsynth_app.core.jobs.kind import Outcome
from medsynth_app.core.words import _
from medsynth_app.session.training import TrainingRun
from medsynth_app.ui.places.models.bench import TrainingPage
from medsynth_app.ui.places.models.card import ModelCard
from medsynth_app.ui.places.models.panel import ModelsPanel
from medsynth_app.ui.places.models.runs import Runs
from medsynth_app.ui.places.models.shelf import Shelf
from medsynth_app.ui.shell.command import Command
from medsynth_app.ui.shell.frame import Frame
from medsynth_app.ui.shell.place import JobEnd, Place

ID = "models"


def make(frame: Frame) -> Place:
    """Build the place."""
    panel = ModelsPanel(frame.theme, frame.session, frame.commands, frame.report_bug)
    shelf = Shelf(frame, panel)

    card, bench = ModelCard(frame.session, panel), TrainingPage(frame.theme, frame.session, frame.commands)
    centre = QStackedWidget()
    for page in (card, bench):
        centre.addWidget(page)
    runs = Runs(frame, bench, lambda: centre.currentWidget() is bench, lambda: frame.navigator.go(ID))

    def show_run(run: TrainingRun) -> None:
        centre.setCurrentWidget(bench)
        bench.show_run(run)

    def show_card() -> None:
        centre.setCurrentWidget(card)
        bench.refresh()

    def finish() -> None:
        panel.finish()
        for each in (shelf, runs):
            each.finish()

    panel.run_chosen.connect(show_run)
    bench.shown.connect(panel.show_as_chosen)
    panel.list.clicked.connect(lambda _index: show_card())
    panel.list.selectionModel().currentChanged.connect(lambda _now, _before: show_card())
    return Place(ID, _("Models"), "cube-outline", panel, centre=centre,
                 commands=(*_commands(frame, panel, shelf), *runs.commands(_("Models"))),
                 ends=(JobEnd(Outcome.PACKS), JobEnd(Outcome.DATA)), finish=finish)


def _commands(frame: Frame, panel: ModelsPanel, shelf: Shelf) -> tuple[Command, ...]:
    group = _("Models")

    def train(data: Path | None = None) -> None:
        from medsynth_app.ui.places.models.train import TrainDialog

        frame.navigator.go(ID)
        dialog = TrainDialog(
            frame.session, lambda _job: frame.toasts.say("info", _("Training waits its turn: see the jobs")),
            frame.dialogs)
        if data is not None:
            dialog.learn_from(data)
        frame.dialogs.show(dialog)

    def look_at_data() -> None:
        from medsynth_app.ui.places.models.data import DataDialog

        frame.navigator.go(ID)
        frame.dialogs.show(DataDialog(frame.session, frame.dialogs, train))

    def verify() -> None:
        frame.navigator.go(ID)
        panel.verify()

    def add() -> None:
        frame.navigator.go(ID)
        shelf.ask()

    def remove() -> None:
        frame.navigator.go(ID)
        shelf.ask_removal()

    return (
        Command("models.add", _("Add a model…"), group, add, icon="cube-send"),
        Command("models.remove", _("Delete the model…"), group, remove, icon="trash-can-outline",
                enabled_when=shelf.refusal),
        Command("models.train", _("Train a model…"), group, train, icon="school-outline"),
        Command("models.data", _("Look at my data…"), group, look_at_data, icon="folder-search-outline"),
        Command("models.verify", _("Verify the packs"), group, verify, icon="shield-check-outline",
                enabled_when=lambda: panel.obstacle or None),
        Command("models.refresh", _("Look for models again"), group,
                lambda: frame.run(frame.session.models.refresh), icon="refresh"))
