"""What the shape of generated pictures follows: nothing, the mask painted on the image in view, or drawn masks."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QWidget

from medsynth_app.actions.generate import DRAWN, FREE, PAINTED, Painted
from medsynth_app.core.control_image import is_stretched, labels_in
from medsynth_app.core.errors import UserError
from medsynth_app.core.words import _
from medsynth_app.session.session import Session
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.theme.theme import Theme
from medsynth_app.ui.widgets.basic import ElidedLabel, Group, Picture, Segmented, column, label, row, set_role
from medsynth_app.ui.widgets.mask_picture import Legend, mask_picture

CHOICES = ((FREE, _("Free"), _("The prompt alone decides.")),
           (PAINTED, _("My mask"), _("Every picture keeps to the mask that is painted on the image in view.")),
           (DRAWN, _("Drawn masks"), _("The model draws a mask for every picture first. Both are kept, as a pair.")))
WIDE, HIGH = 120, 88  # px, of the preview at most
STRETCHED = _("Will be stretched to fit")


class ShapeGroup(Group):
    """Shows and changes `session.generate.shape`.

    Signals
    -------
    stale
        What is painted may have changed: whoever shows the obstacle should look again.
    """

    stale = Signal()

    def __init__(self, theme: Theme, session: Session) -> None:
        super().__init__(theme, _("Shape"))
        self._session = session
        self._strokes = 0
        self._seen: tuple[Any, ...] = ()  # what was shown last
        self._refusals: dict[str, UserError | None] = dict.fromkeys((FREE, PAINTED, DRAWN))
        self._painted: Painted | None = None
        self.choice = Segmented(CHOICES, _("What the shape follows"))
        self.choice.chosen.connect(self._choose)
        self.help, self.reasons = label("", "help", wrap=True), label("", "help", wrap=True)
        self.preview = Picture(theme)
        self.legend, self._place, self._fit = Legend(), ElidedLabel("", "help"), ElidedLabel(STRETCHED, "help")
        self.lost = label("", "warning", wrap=True)
        self._mask = QWidget()
        side = column(self.legend, self.lost, self._place, self._fit, spacing=look.XS)
        side.addStretch(1)
        line = row(self.preview, side, parent=self._mask, spacing=look.M)
        line.setStretch(1, 1)
        line.setAlignment(self.preview, Qt.AlignmentFlag.AlignTop)
        self.add(self.choice, column(self.help, self.reasons, spacing=2), self._mask)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(120)
        self._timer.timeout.connect(self.stale)
        for signal in (session.documents.current_changed, session.view.index_changed, session.changed,
                       session.painting.schema_changed):
            signal.connect(self._later)
        self.refresh()

    @property
    def obstacle(self) -> str:
        """Why pictures of the chosen shape cannot be drawn now, in a few words; "" when they can.

        Also "" while nobody sees it: the session looks again when pictures are asked for.
        """
        refusal = self._refusals[self._session.generate.shape] if self.isVisible() else None
        return refusal.happened.rstrip(".") if refusal is not None else ""

    def _later(self, *_news: object) -> None:
        self._strokes += 1
        if self.isVisible() and not self._timer.isActive():
            self._timer.start()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.stale.emit()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.stale.emit()

    def _choose(self, shape: str) -> None:
        try:
            self._session.generate.set_shape(shape)
        except UserError:  # the pack has gone a moment ago
            self._seen = ()
            self.refresh()

    def refresh(self) -> None:
        """Show the session's state; the mask is read only where it is seen and has changed."""
        s = self._session
        now = (s.generate.shape, s.models.pack.manifest.sha256 if s.models.pack else "", s.generate.parameters.width,
               s.generate.parameters.height, s.documents.current.id if s.documents.current else "", s.view.index,
               s.painting.schema.name, self._strokes)
        if now == self._seen or not (self.isVisible() or not self._seen):
            return
        self._seen = now
        self._refusals = {FREE: None, PAINTED: None, DRAWN: s.generate.shape_refusal(DRAWN)}
        try:
            self._painted = s.generate.painted()
        except UserError as error:
            self._painted, self._refusals[PAINTED] = None, error
        self._show_choices()
        self._show_mask()

    def _show_choices(self) -> None:
        shape = self._session.generate.shape
        self.choice.set_value(shape)
        reasons: dict[str, str] = {}
        for part, (value, name, tip) in zip(self.choice.buttons(), CHOICES, strict=True):
            refusal = self._refusals[value]
            part.setEnabled(refusal is None or value == shape)
            part.setToolTip(str(refusal) if refusal is not None else tip)
            part.setAccessibleDescription(str(refusal) if refusal is not None else tip)
            if refusal is not None and value != shape:
                text = refusal.happened
                reasons[text] = text if text in reasons else f"{name}: {text[:1].lower()}{text[1:]}"
        chosen = self._refusals[shape]
        says = next(tip for value, _, tip in CHOICES if value == shape)
        self.help.setText(str(chosen) if chosen is not None else says)
        set_role(self.help, "warning" if chosen is not None else "help")
        self.reasons.setText("\n".join(reasons.values()))
        self.reasons.setVisible(bool(reasons))

    def _show_mask(self) -> None:
        """What is painted as the model will see it, in the colours of Paint."""
        s, painted = self._session, self._painted
        document = s.documents.current
        self._mask.setVisible(s.generate.shape == PAINTED and painted is not None)
        if s.generate.shape != PAINTED or painted is None or document is None:
            return
        rows, columns = painted.small.shape
        scale = min(WIDE / columns, HIGH / rows)
        self.preview.setFixedSize(max(1, round(columns * scale)), max(1, round(rows * scale)))
        self.preview.show_picture(mask_picture(painted.small, s.painting.schema, round(2 * scale * max(rows, columns))))
        self.legend.show_classes(s.painting.schema, labels_in(painted.small))
        self.preview.setAccessibleName(_("The painted mask as the model sees it. {classes}").format(
            classes=self.legend.accessibleName()))
        lost = [item.name for value in painted.lost if (item := s.painting.schema.of(value)) is not None]
        self.lost.setText(_("Too small to be drawn: {names}").format(names=", ".join(lost)))
        self.lost.setVisible(bool(lost))
        count = len(document.info.frames)
        image = document.info.pseudonym
        self._place.setText(_("{image}, slice {number} of {count}").format(
            image=image, number=s.view.index + 1, count=count) if count > 1 else image)
        self._fit.setVisible(is_stretched(document.mask(s.view.index), rows, columns))
