"""The card of the chosen pack."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QImage, QImageReader, QPixmap
from PySide6.QtWidgets import QLabel, QScrollArea, QWidget

from medsynth_app.actions.data_words import SPLIT_BY
from medsynth_app.core.modality import listed
from medsynth_app.core.words import _, ngettext
from medsynth_app.session.session import Session
from medsynth_app.ui.places.models.panel import ModelsPanel
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.widgets import words
from medsynth_app.ui.widgets.basic import clear, column, label, row
from medsynth_app.ui.widgets.panel import fact

DRAWN = _("{count} images of its data were drawn by a model")
SAMPLES = ("samples.jpg", "samples.png")


class ModelCard(QScrollArea):
    """The card of the chosen pack: its facts and its sample grid."""

    def __init__(self, session: Session, panel: ModelsPanel) -> None:
        super().__init__()
        self.setAccessibleName(_("Model card"))
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._session, self._panel = session, panel
        self._image = QImage()
        self._samples = QLabel()
        self._samples.setAccessibleName(_("Samples made by this model, all synthetic"))
        inner = QWidget()
        inner.setObjectName("page")
        inner.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._content = column(parent=inner, spacing=look.S, margins=(look.L * 2, look.L + 8, look.L * 2, look.L))
        self.setWidget(inner)
        panel.chosen_changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show the chosen pack."""
        self._samples.setParent(None)
        clear(self._content)
        pack = self._panel.chosen
        if pack is None:
            self._content.addWidget(label(_("No model is installed"), "title"))
            self._content.addStretch(1)
            return
        m = pack.manifest
        self._content.addWidget(label(m.title, "title"))
        self._content.addWidget(label(m.intended_use, "warning", wrap=True))
        data = "; ".join(
            ngettext("{name} ({count} image, {licence})", "{name} ({count} images, {licence})", d.samples)
            .format(name=d.name, count=d.samples, licence=d.licence) for d in m.training_data)
        drawn = sum(d.synthetic for d in m.training_data)
        masks = [text for can, text in ((m.draws_from_masks, _("pictures that fit a mask")),
                                        (m.draws_masks, _("masks themselves"))) if can]
        facts = ((_("Domain"), m.domain), (_("Modalities"), listed(m.modalities)),
                 (_("Draws at") if m.kind == "base" else _("Looks at"), f"{m.native_size} px"),
                 (_("Also draws"), ", ".join(masks)), (_("Mask labels"), ", ".join(m.mask_labels) if masks else ""),
                 (_("Version"), m.version), (_("Licence"), m.licence), (_("Trained on"), data),
                 (_("Split"), "; ".join(SPLIT_BY.get(d.split_by, "") for d in m.training_data if d.split_by)),
                 (_("Synthetic"), DRAWN.format(count=drawn) if drawn else ""),
                 (_("Please cite"), "; ".join(d.citation for d in m.training_data)), (_("Does not know"), m.knows_not),
                 (_("Known failures"), "\n".join(m.known_failures)),
                 (_("Size"), words.size(sum(f.stat().st_size for f in pack.folder.rglob("*") if f.is_file()))),
                 ("SHA-256", m.sha256[:24] + "…"))
        for name, value in facts:
            if value:
                self._content.addWidget(fact(name, value))
        path = next((pack.folder / name for name in SAMPLES if (pack.folder / name).is_file()), None)
        if path is not None:
            reader = QImageReader(str(path))
            self._image = reader.read()
            self._content.addSpacing(look.S)
            self._content.addLayout(row(label(_("Samples"), "heading"), label(_("SYNTHETIC"), "synthetic"), None))
            self._content.addWidget(label(_("The first seeds of each prompt, none picked by hand."), "help"))
            self._content.addWidget(self._samples)
            self._samples.show()
            self._scale()
        self._content.addStretch(1)

    def resizeEvent(self, event: object) -> None:
        super().resizeEvent(event)  # type: ignore[arg-type]
        self._scale()

    def _scale(self) -> None:
        if self._image.isNull():
            return
        width = min(self.viewport().width() - 4 * look.L, 900)
        ratio = self.devicePixelRatioF()
        picture = QPixmap.fromImage(self._image.scaledToWidth(max(1, round(width * ratio)),
                                                              Qt.TransformationMode.SmoothTransformation))
        picture.setDevicePixelRatio(ratio)
        self._samples.setPixmap(picture)
