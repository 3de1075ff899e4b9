"""Settings that are not at hand elsewhere; each takes effect at once."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QCheckBox, QDialog, QSpinBox, QWidget

from medsynth_app.core.words import _
from medsynth_app.session.session import Session
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.widgets.basic import Segmented, button, column, label, row
from medsynth_app.ui.widgets.fields import indent
from medsynth_app.ui.widgets.panel import field_row
from medsynth_app.ui.widgets.reach import Reach
from medsynth_app.ui.widgets.words import INVISIBLE

THEMES = (("system", _("System"), _("As the computer is set")), ("light", _("Light"), _("Light")),
          ("dark", _("Dark"), _("Dark")))


class SettingsDialog(QDialog):
    """A short page; there is nothing to confirm."""

    def __init__(self, session: Session, choose_theme: Callable[[str], None], set_veil: Callable[[int], None],
                 edit_keys: Callable[[], None], parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(_("Settings"))
        self.setMinimumWidth(440)
        now = session.settings.current
        self.theme = Segmented(THEMES, _("Colours"))
        self.theme.set_value(now.theme)
        self.theme.chosen.connect(choose_theme)
        self.veil = QSpinBox()
        self.veil.setRange(0, 480)
        self.veil.setSuffix(" min")
        self.veil.setSpecialValueText(_("never"))
        self.veil.setMinimumWidth(110)
        indent(self.veil)
        self.veil.setValue(now.veil_minutes)
        self.veil.valueChanged.connect(set_veil)
        self.mark = QCheckBox(_("Draw the word SYNTHETIC into exported pictures"))
        self.mark.setChecked(now.mark_exports)
        self.mark.toggled.connect(lambda on: session.settings.change(mark_exports=on))
        self.hidden = QCheckBox(_("Hide an invisible mark in generated pictures"))
        self.hidden.setChecked(now.invisible_mark)
        self.hidden.toggled.connect(lambda on: session.settings.change(invisible_mark=on))
        inner = QWidget()
        column(label(_("Colours")), self.theme,
               field_row(_("Cover the images after"), self.veil, _("Idle minutes; any key or click shows them again.")),
               column(self.mark, label(_("Leave it out only for data sets: the embedded record always stays. DICOM at "
                                       "the source's own depth never carries it in its pixels."), "help", wrap=True),
                      spacing=2),
               column(self.hidden, label(INVISIBLE, "help", wrap=True), spacing=2), parent=inner, spacing=look.L)
        column(label(_("Settings"), "title"), Reach(inner),
               row(button(_("Change the keys…"), edit_keys), None, button(_("Close"), self.accept)), parent=self,
               spacing=look.L, margins=(look.L + 8,) * 4)
