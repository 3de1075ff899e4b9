"""One generated picture, large: what it came from, and the mask that it follows."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QScrollArea, QWidget

from medsynth_app.core.control_image import labels_in
from medsynth_app.core.words import _
from medsynth_app.session.pictures import Sketch
from medsynth_app.session.session import Session
from medsynth_app.ui.shell.commands import Commands
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.theme.theme import Theme
from medsynth_app.ui.widgets import words
from medsynth_app.ui.widgets.basic import Picture, Segmented, button, clear, column, label, row
from medsynth_app.ui.widgets.mask_picture import Legend, laid_over, mask_picture
from medsynth_app.ui.widgets.panel import fact
from medsynth_app.workspace.pictures import Picture as Generated

EDGE, LEAST_EDGE, GUTTER = 256, 208, 12  # px, of the picture, and beside it for the scroll bar
SHARE = 0.35  # of the room beside the inspector
VIEWS = (("picture", _("Picture"), _("The picture alone")), ("both", _("Both"), _("The picture with its mask over it")),
         ("mask", _("Mask"), _("The mask that the picture follows")))


class PictureCard(QWidget):
    """Shows a picture of the grid, and its mask where it has one."""

    def __init__(self, theme: Theme, session: Session, commands: Commands) -> None:
        super().__init__()
        self.setObjectName("surface")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._session = session
        self._picture: Generated | None = None
        self.large = Picture(theme)
        self.view = Segmented(VIEWS, _("What is shown"))
        self.view.set_value("picture")
        self.view.chosen.connect(lambda _view: self._draw())
        self.legend = Legend()
        self._classes = QWidget()
        key = label(_("Mask"), "muted")
        key.setFixedWidth(96)
        key.setAlignment(Qt.AlignmentFlag.AlignTop)
        row(key, self.legend, parent=self._classes).setStretch(1, 1)
        self._facts = column(spacing=look.S)
        self.save = button(_("Save picture…"))
        self.open = button(_("Open in Paint"), tip=_("Work on this picture as on any other image"))
        self.use = button(_("Use settings"), role="link",
                          tip=_("Prompt, seed, steps, guidance and model back into the panel"))
        self.favourite = button("", role="link")
        commands.follow(self.favourite, "generate.favourite", tip=False)
        self.label, self.label_all = button(_("Send to Label")), button(_("Send all"))
        self.label.setToolTip(_("Add this picture to the cells that are labelled"))
        self.label_all.setToolTip(_("Label all generated pictures"))
        commands.follow(self.label, "generate.label", tip=False)
        commands.follow(self.label_all, "label.generated", tip=False)
        labels = row(self.label, self.label_all)
        labels.setStretch(0, 1)
        self.remove = button(_("Remove…"), role="danger", tip=_("Erase this picture from the workspace"))
        commands.follow(self.open, "generate.open", tip=False)
        commands.follow(self.save, "generate.save", tip=False)
        commands.follow(self.use, "generate.use", tip=False)
        commands.follow(self.remove, "generate.remove", tip=False)
        buttons = row(self.open, self.remove)
        buttons.setStretch(0, 1)
        inner = QWidget()
        column(self.large, self.view, label("SYNTHETIC", "synthetic"), column(self._facts, self._classes),
               parent=inner, spacing=look.M, margins=(look.L, look.L, look.L, look.S)).addStretch(1)
        upper = QScrollArea()  # in a low window the facts scroll, the buttons stay
        upper.setWidget(inner)
        upper.setWidgetResizable(True)
        upper.setFrameShape(QScrollArea.Shape.NoFrame)
        upper.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        links = row(self.use, self.favourite)
        links.setStretch(0, 1)
        lower = column(links, self.save, labels, buttons, margins=(look.L, look.S, look.L, look.L))
        column(upper, lower, parent=self, spacing=0)

    def fit(self, room: int) -> None:
        """Take a share of so many px."""
        edge = min(EDGE, max(LEAST_EDGE, round(room * SHARE)))
        self.large.setFixedSize(edge, edge)
        self.setFixedWidth(edge + 2 * look.L + GUTTER)

    def show_picture(self, picture: Generated) -> None:
        """Show a picture, as before alone, with its mask or as its mask."""
        self._picture = picture
        for part in (self.view, self._classes):
            part.setVisible(picture.has_mask)
        self.favourite.setText(_("\N{BLACK STAR} Favourite") if picture.favourite else _("\N{WHITE STAR} Favourite"))
        self.favourite.setToolTip(_("No longer a favourite") if picture.favourite else _("Make it a favourite"))
        self.save.setText(_("Save picture and mask…") if picture.has_mask else _("Save picture…"))
        rows, columns = self._draw()
        clear(self._facts)
        about = picture.provenance
        scale = about.parameters.get("control_scale") if picture.has_mask else None
        for name, value in ((_("Prompt"), str(about.parameters.get("prompt", ""))), (_("Model"), about.pack),
                            (_("Seed"), str(picture.seed)), (_("Size"), f"{words.by(columns, rows)} px"),
                            (_("Steps"), str(about.parameters.get("steps", ""))),
                            (_("How closely"), f"{round(scale * 100)} %" if isinstance(scale, int | float) else "")):
            if value:
                self._facts.addWidget(fact(name, value))

    def show_sketch(self, sketch: Sketch, title: str) -> None:
        """Show one that is being drawn."""
        self._picture = None
        for part in (self.view, self._classes):
            part.hide()
        self.large.show_picture(sketch.pixels, synthetic=True)
        clear(self._facts)
        self._facts.addWidget(fact(_("State"), _("being drawn")))
        if title:
            self._facts.addWidget(fact(_("Job"), title))

    def _draw(self) -> tuple[int, int]:
        """Draw the chosen view; returns the picture's rows and columns."""
        picture = self._picture
        assert picture is not None
        pixels, mask, view = picture.pixels(), picture.mask(), self.view.value()
        if mask is not None:
            schema = self._session.generate.labels_of(picture)
            self.legend.show_classes(schema, labels_in(mask))
            if view == "mask":
                self.large.show_picture(mask_picture(mask, schema, EDGE * 2),
                                        synthetic=bool(picture.provenance.parameters.get("pairs")))
            elif view == "both":
                self.large.show_image(laid_over(pixels, mask, schema, EDGE * 2), synthetic=True)
        if mask is None or view == "picture":
            self.large.show_picture(pixels, synthetic=True)
        return pixels.shape[0], pixels.shape[1]
