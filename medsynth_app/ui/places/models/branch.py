"""A branch of a training run: asked for in a dialog, copied beside the run, which stays as it was."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from difflib import SequenceMatcher
from pathlib import Path

from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QDialog, QPlainTextEdit

from medsynth_app.actions.train import SECTIONS, check_recipe, read_recipe, work_folder
from medsynth_app.core.errors import UserError
from medsynth_app.core.job import JobState
from medsynth_app.core.words import _, ngettext
from medsynth_app.session.training import Branch, TrainingRun
from medsynth_app.ui.places.models.run_fields import minutes_field, name_field
from medsynth_app.ui.shell.dialogs import Dialogs
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.widgets.basic import button, column, label, row, set_role
from medsynth_app.ui.widgets.panel import field_row

ABOUT = _("A copy of what {name} has kept goes on under another name, and {name} stays as it is. It learns from the "
          "same pictures: what the recipe says under [data] is decided already, and so is the shape of its networks.")
LINES = 9  # of the recipe at the least


class BranchDialog(QDialog):
    """Asks for a name and for what the recipe shall say otherwise.

    Parameters
    ----------
    recipes
        Folder to which the recipe of the branch will be written.
    start
        Called with what was asked for.
    """

    def __init__(self, run: TrainingRun, recipes: Path, start: Callable[[Branch], None], dialogs: Dialogs) -> None:
        super().__init__(dialogs.window)
        self._run, self._recipes, self._begin, self._dialogs = run, recipes, start, dialogs
        self._before: str | None = None  # of the run itself; None where it cannot be read
        self.setWindowTitle(_("Branch a training run"))
        self.setMinimumWidth(560)
        self.name = name_field(self._check, self._free_name())
        self.minutes = minutes_field()
        self.recipe = QPlainTextEdit()
        self.recipe.setAccessibleName(_("Recipe of the branch"))
        self.recipe.setTabChangesFocus(True)
        self.recipe.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.recipe.setMinimumHeight(self.recipe.fontMetrics().lineSpacing() * LINES)
        self.recipe.textChanged.connect(self._check)
        self.choose = button(_("Take another recipe…"), self.choose_recipe)
        self.trouble = label("", "help", wrap=True)
        self.start = button(_("Start the branch"), self._start, "primary")
        self.cancel = button(_("Cancel"), self.reject)
        about = label(ABOUT.format(name=run.name), "help", wrap=True)
        column(label(_("Branch {name}").format(name=run.name), "title"), about,
               field_row(_("Name of the branch"), self.name), field_row(_("At most"), self.minutes),
               row(label(_("Recipe")), None, self.choose), self.recipe, self.trouble,
               row(None, self.cancel, self.start), parent=self, spacing=look.M,
               margins=(look.L + 8,) * 4).setStretchFactor(self.recipe, 1)
        with suppress(UserError):  # it is said below, where another one can be chosen
            self._before = read_recipe(run.recipe)
        self.recipe.setPlainText(self._before or "")
        self._check()

    def showEvent(self, event: QShowEvent) -> None:
        """Show what a branch changes first: how the part is trained."""
        super().showEvent(event)
        found = self.recipe.document().find(f"[{SECTIONS[self._run.part]}]")
        self.recipe.verticalScrollBar().setValue(max(0, found.blockNumber()))

    def choose_recipe(self) -> None:
        """Take the text of another file, which stays as it is."""
        path = self._dialogs.open_file(_("Choose a recipe"), _("Recipes (*.toml)"))
        if path is None:
            return
        try:
            self.recipe.setPlainText(read_recipe(path))
        except UserError as error:
            self._say(str(error), "error")

    # -- inner

    def _free_name(self) -> str:
        number = 2
        while self._is_taken(f"{self._run.name}-{number}"):
            number += 1
        return f"{self._run.name}-{number}"

    def _is_taken(self, name: str) -> bool:
        out = self._run.out.with_name(name)
        return out.exists() or work_folder(out).exists() or (self._recipes / f"{name}.toml").exists()

    def _check(self) -> None:
        """Say what speaks against it, or what it will do."""
        obstacle = self._obstacle()
        self.start.setEnabled(not obstacle)
        self._say(obstacle or self._hint(), "error" if obstacle else "help")

    def _obstacle(self) -> str:
        name, text = self.name.text().strip(), self.recipe.toPlainText()
        if any(sign in name for sign in '/\\:*?"<>|') or name in ("", ".", ".."):
            return _("Give a name without / \\ : * ? \" < > |.")
        if self._is_taken(name):
            return _("There is a model, a run or a recipe of this name already. Give another name.")
        if self._before is None and not text.strip():
            return _("The recipe of this run cannot be read any more. Take another one.")
        try:
            check_recipe(text, f"{name}.toml")
        except UserError as error:
            return str(error)
        return ""

    def _hint(self) -> str:
        written = _("It is written to recipes/{name}.toml, beside your models.").format(name=self.name.text().strip())
        if self._before is None:
            return written
        before, now = self._before.splitlines(), self.recipe.toPlainText().splitlines()
        changed = sum(max(b - a, d - c) for tag, a, b, c, d in SequenceMatcher(None, before, now, False).get_opcodes()
                      if tag != "equal")
        if changed:
            return ngettext("One line differs from the recipe of {name}.", "{count} lines differ from the recipe of "
                            "{name}.", changed).format(count=changed, name=self._run.name) + " " + written
        if self._run.entry.record.state is JobState.DONE:
            return _("{name} has learned all that its recipe asks for. Without more steps the branch only makes its "
                     "model again.").format(name=self._run.name)
        return _("Nothing is changed: the branch goes on as {name} would. Change steps or learning_rate, for "
                 "example.").format(name=self._run.name)

    def _say(self, text: str, role: str) -> None:
        self.trouble.setText(text)
        set_role(self.trouble, role)

    def _start(self) -> None:
        self.accept()
        self._begin(Branch(self._run, self.name.text().strip(), self.recipe.toPlainText(), float(self.minutes.value())))
