"""Training from the window: one dialog that asks what, from which data and for how long."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtWidgets import QComboBox, QDialog, QLabel, QWidget

from medsynth_app.actions.data import preview_request
from medsynth_app.actions.data_recipe import write_recipe
from medsynth_app.actions.out_folder import make_folder
from medsynth_app.actions.train import begun_part, is_for, shipped_recipes
from medsynth_app.core.errors import UserError
from medsynth_app.core.jobs.train import TrainRequest
from medsynth_app.core.pack import MANIFEST
from medsynth_app.core.pack_files import InstalledPack
from medsynth_app.core.words import _
from medsynth_app.formats.pack import default_pack_folders
from medsynth_app.session.session import Session
from medsynth_app.ui.places.models.data import DataDialog
from medsynth_app.ui.places.models.run_fields import FIELD, minutes_field, name_field
from medsynth_app.ui.shell.dialogs import Dialogs
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.widgets.basic import ElidedLabel, Segmented, button, column, label, model_box, row, set_role
from medsynth_app.ui.widgets.panel import field_row

PARTS = (("base", _("Pictures"), _("A model that draws pictures from a prompt.")),
         ("control", _("From masks"), _("Teaches a model to draw a picture that fits a mask.")),
         ("masks", _("Masks"), _("Teaches a model to draw masks themselves.")),
         ("encoder", _("Encoder"), _("Turns a picture of a cell into a vector, to compare and to rank.")),
         ("detector", _("Detector"), _("Finds the cells of a field; learns from fields with a box round every cell.")))
ROLES = {"base": _("Starts from"), "control": _("Joins the model"), "masks": _("Joins the model")}
CHANCE = _("nothing: from chance")
NEW = _("new, for my data")
WRITTEN = _("A recipe for these data is written to recipes/{name}.toml, beside your models. See what will be learned, "
            "and change its words, before a long run.")
ABOUT = _("The data are split first; only the training part is learned from. The run waits its turn in the "
          "background, gives way to inpainting, and keeps a checkpoint when it is cancelled.")
BESIDE = 96  # px


class TrainDialog(QDialog):
    """Queues a run, which splits and freezes the data itself.

    Parameters
    ----------
    started
        Called with the job's id once the run is queued.
    """

    def __init__(self, session: Session, started: Callable[[str], None], dialogs: Dialogs,
                 folder: Path | None = None) -> None:
        super().__init__(dialogs.window)
        self._dialogs = dialogs
        self.setWindowTitle(_("Train a model"))
        self.setMinimumWidth(560)
        self._session, self._started = session, started
        self._folder = folder or default_pack_folders()[-1]
        self._data: Path | None = None
        self._recipes: list[Path | None] = []
        self._build()
        for path in (None, *shipped_recipes()):
            self._add_recipe(path)
        self.recipe.setCurrentIndex(min(1, self.recipe.count() - 1))
        self._follow()

    def _build(self) -> None:
        self.part = Segmented(PARTS, _("What to train"))
        self.part.set_value("base")
        self.part.chosen.connect(self._choose_part)
        self._part_help = label("", "help")
        self.recipe = QComboBox()
        self.recipe.activated.connect(lambda _index: self._follow())
        self.recipe.setFixedWidth(FIELD - BESIDE - look.S)
        self._data_name = ElidedLabel(_("No folder chosen"), "muted")
        self._data_name.setFixedWidth(FIELD - BESIDE - look.S)
        self.pack = model_box(lambda _index: None)
        self.pack.setFixedWidth(FIELD)
        self.name = name_field(self._check)
        self.minutes = minutes_field()
        self.trouble = label("", "error", wrap=True)
        self.start = button(_("Start training"), self._start, "primary")
        self.cancel = button(_("Cancel"), self.reject)
        self.preview = button(_("Show what will be learned…"), self._preview, "link")
        self._pack_row = field_row(ROLES["base"], self.pack)
        self._role = self._pack_row.findChildren(QLabel)[0]
        column(label(_("Train a model"), "title"), label(ABOUT, "help", wrap=True), self.part, self._part_help,
               field_row(_("Recipe"), _beside(self.recipe, button(_("Choose…"), self.choose_recipe))),
               field_row(_("Data"), _beside(self._data_name, button(_("Choose…"), self.choose_data))), self._pack_row,
               field_row(_("Name of the new model"), self.name), field_row(_("At most"), self.minutes), self.trouble,
               row(self.preview, None, self.cancel, self.start), parent=self, spacing=look.M, margins=(look.L + 8,) * 4)

    # -- choosing -----------------------------------------------------------------------------------------------

    def _add_recipe(self, path: Path | None) -> None:
        self._recipes.append(path)
        self.recipe.addItem(path.stem if path is not None else NEW)

    @property
    def _recipe(self) -> Path | None:
        """The chosen one; None: one that is still to be written."""
        return self._recipes[self.recipe.currentIndex()]

    def choose_recipe(self) -> None:
        path = self._dialogs.open_file(_("Choose a recipe"), _("Recipes (*.toml)"))
        if path is not None:
            self._add_recipe(path)
            self.recipe.setCurrentIndex(self.recipe.count() - 1)
            self._follow()

    def choose_data(self) -> None:
        path = self._dialogs.open_folder(_("Choose the data folder that the recipe was written for"))
        if path is not None:
            self.set_data(path)

    def set_data(self, folder: Path) -> None:
        self._data = folder
        self._data_name.setText(folder.name)
        self._check()

    def learn_from(self, folder: Path) -> None:
        """Take data of one's own, and offer a recipe for them."""
        self.recipe.setCurrentIndex(0)
        self._data = folder
        self._follow()
        self.set_data(folder)

    @property
    def out(self) -> Path:
        return self._folder / self.name.text().strip()

    def _choose_part(self, part: str) -> None:
        """Follow the part; where the recipe that ships is for another one, take one that is for it."""
        shipped, current = shipped_recipes(), self._recipe
        if current is not None and current in shipped and not is_for(current, part):
            fitting = next((path for path in shipped if is_for(path, part)), current)
            self.recipe.setCurrentIndex(self._recipes.index(fitting))
        self._follow()

    def _follow(self) -> None:
        """Suggest what goes with the part and the recipe."""
        part = self.part.value()
        self._part_help.setText(next(text for value, _, text in PARTS if value == part))
        self._pack_row.setVisible(part in ROLES)
        self._offer_packs(part)
        source = self._recipe or self._data
        recipe = "model" if source is None else source.stem if self._recipe is not None else source.name
        stem = recipe if part in ("base", "encoder", "detector") else f"{recipe}-{part}"
        name, number = stem, 2
        while (self._folder / name / MANIFEST).exists():
            name, number = f"{stem}-{number}", number + 1
        self.name.setText(name)
        self._check()

    def _offer_packs(self, part: str) -> None:
        self._role.setText(ROLES.get(part, ""))
        titles = [pack.manifest.title for pack in self._session.models.packs]
        offered = [CHANCE, *titles] if part == "base" else titles
        if [self.pack.itemText(k) for k in range(self.pack.count())] != offered:
            self.pack.clear()
            self.pack.addItems(offered)

    @property
    def _chosen_pack(self) -> InstalledPack | None:
        at = self.pack.currentIndex() - (self.part.value() == "base")
        packs = self._session.models.packs
        return packs[at] if self.part.value() in ROLES and 0 <= at < len(packs) else None

    def _check(self) -> None:
        """Say what is missing, or that an earlier run goes on."""
        obstacle, begun = self._obstacle(), begun_part(self.out) if self.name.text().strip() else ""
        self.start.setText(_("Resume training") if begun else _("Start training"))
        ready = not obstacle and (bool(begun) or self._data is not None)
        self.start.setEnabled(ready)
        self.preview.setEnabled(ready)
        hint = WRITTEN.format(name=self.name.text().strip()) if self._recipe is None else ""
        self._say(obstacle or (_("An earlier run under this name goes on from where it was.") if begun else hint),
                  error=bool(obstacle))

    def _obstacle(self) -> str:
        """Why nothing can start under this name, or with this part; empty where it can."""
        name, part = self.name.text().strip(), self.part.value()
        if any(sign in name for sign in '/\\:*?"<>|') or name in ("", ".", ".."):
            return _("Give a name without / \\ : * ? \" < > |.")
        if (self.out / MANIFEST).exists():
            return _("A model of this name is there already. Give another name.")
        if begun_part(self.out) not in ("", part):
            return _("A run for another part was begun under this name. Give another name.")
        if part == "detector" and self._recipe is None:
            return _("No recipe is written for a detector. Choose smear-detector, or a changed copy of it.")
        if part in ("control", "masks") and self._chosen_pack is None:
            return _("There is no model that it could join.")
        return ""

    def _say(self, text: str, *, error: bool = True) -> None:
        self.trouble.setText(text)
        set_role(self.trouble, "error" if error else "help")

    # -- starting -----------------------------------------------------------------------------------------------

    def _request(self) -> TrainRequest:
        return self._session.training.request(
            self._recipe or self._written(), self._data, self.out, part=self.part.value(),
            pack=self._chosen_pack, resume=bool(begun_part(self.out)), max_minutes=float(self.minutes.value()))

    def _written(self) -> Path:
        """A recipe of this name for the data, written where there is none."""
        path = self._folder.parent / "recipes" / f"{self.name.text().strip()}.toml"
        if not path.exists():
            if self._data is None:
                raise UserError(_("A recipe is written for data, and none were chosen."), _("Choose the data first."))
            make_folder(path.parent)
            write_recipe(self.name.text().strip(), self._data, path)
        return path

    def _preview(self) -> None:
        """Show classes, counts, captions and pictures in a dialog above this one."""
        try:
            asked = preview_request(self._request())
        except UserError as error:
            self._say(str(error))
            return
        shown = DataDialog(self._session, self._dialogs)
        shown.show_learned(asked)
        self._dialogs.show(shown)

    def _start(self) -> None:
        try:
            job = self._session.training.run(self._request()).jobs[0]
        except UserError as error:
            self._say(str(error))
            return
        self.accept()
        self._started(job)


def _beside(field: QWidget, more: QWidget) -> QWidget:
    holder = QWidget()
    more.setFixedWidth(BESIDE)
    row(field, more, parent=holder)
    holder.setFixedWidth(FIELD)
    return holder
