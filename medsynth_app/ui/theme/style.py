"""The one Qt style sheet, built from the theme's tokens."""

from __future__ import annotations

from collections.abc import Mapping

from medsynth_app.ui.theme.tokens import Tokens

_SHEET = """
* { outline: 0; }
QWidget { color: @text; font-size: 13px; }
QMainWindow, QDialog, #central { background: @ground; }
QDialog { border: 1px solid @outline; }
#surface, #inspector, #header, #rail, #statusBar, #drawer { background: @surface; }
#rail { border-right: 1px solid @border; }
#header { border-bottom: 1px solid @border; }
#inspector { border-left: 1px solid @border; }
#statusBar { border-top: 1px solid @border; }
#drawer, #palette, #toast { background: @surface; border: 1px solid @outline; border-radius: 6px; }
#drawer { border-radius: 0; border-width: 0 0 0 1px; }
#action { border-top: 1px solid @border; background: @surface; }
#page { background: @ground; }
#card { background: @surface; border: 1px solid @border; border-radius: 6px; }
#card[chosen="true"] { border: 2px solid @accent; }
QFrame[role="line"] { background: @border; border: 0; max-height: 1px; min-height: 1px; }
QFrame[role="divider"] { background: @border; border: 0; max-width: 1px; min-width: 1px; }
QLabel { background: transparent; }
QLabel[role="muted"] { color: @muted; }
QLabel[role="help"] { color: @muted; font-size: 12px; }
QLabel[role="heading"] { font-weight: 600; }
QLabel[role="title"] { font-size: 20px; font-weight: 600; }
QLabel[role="subtitle"] { font-size: 15px; font-weight: 600; }
QLabel[role="warning"] { color: @warning; }
QLabel[role="error"] { color: @error; }
QLabel[role="done"] { color: @done; }
QLabel[role="synthetic"] { color: @synthetic; font-weight: 700; }
QLabel[role="key"] { background: @ground; border: 1px solid @outline; border-radius: 4px; padding: 1px 6px; }
QLabel[role="research"] { color: @warning; font-weight: 600; }

QPushButton, QToolButton[role="field"] { background: @surface; border: 1px solid @outline; border-radius: 6px;
    padding: 6px 12px; min-height: 18px; }
QPushButton:hover, QToolButton[role="field"]:hover { background: @hover; }
QPushButton:pressed, QToolButton[role="field"]:pressed { background: @pressed; }
QPushButton:focus, QToolButton[role="field"]:focus { border: 2px solid @accent; padding: 5px 11px; }
QPushButton:disabled, QToolButton[role="field"]:disabled { color: @faint; border-color: @border; background: @ground; }
QPushButton[role="primary"] { background: @accent; color: @on_accent; border: 1px solid @accent; font-weight: 600;
    padding: 8px 12px; }
QPushButton[role="primary"]:hover { background: @accent_hover; border-color: @accent_hover; }
QPushButton[role="primary"]:pressed { background: @accent; }
QPushButton[role="primary"]:focus { border: 2px solid @text; padding: 7px 11px; }
QPushButton[role="primary"]:disabled { background: @pressed; border-color: @pressed; color: @muted; }
QPushButton[role="link"] { background: transparent; border: 1px solid transparent; color: @accent; padding: 3px 6px;
    text-align: left; }
QPushButton[role="link"]:hover { background: @hover; }
QPushButton[role="link"]:focus { border: 2px solid @accent; padding: 2px 5px; }
QPushButton[role="link"]:disabled { color: @faint; background: transparent; }
QPushButton[role="danger"]:enabled { color: @error; }

QToolButton { background: transparent; border: 1px solid transparent; border-radius: 6px; padding: 6px; }
QToolButton:hover { background: @hover; }
QToolButton:pressed { background: @pressed; }
QToolButton:checked { background: @selected; border-color: @accent; }
QToolButton:focus { border: 2px solid @accent; padding: 5px; }
QToolButton:disabled { color: @faint; }
QToolButton::menu-indicator { image: none; width: 0; }
QToolButton[role="fold"] { font-weight: 600; padding: 4px 2px; margin-left: -6px; text-align: left; }
QToolButton[role="fold"]:focus { border: 2px solid @accent; padding: 3px 1px; }
QToolButton[role="fold"]:checked { background: transparent; border-color: transparent; }
QToolButton[role="fold"]:checked:focus { border: 2px solid @accent; }
QToolButton[role="status"] { padding: 2px 6px; color: @text; }
QToolButton[role="status"]:focus { border: 2px solid @accent; padding: 1px 5px; }
QToolButton[role="place"] { border-radius: 6px; padding: 6px 2px; font-size: 11px; color: @muted; }
QToolButton[role="place"]:checked { background: @selected; border-color: transparent; color: @text; font-weight: 600; }
QToolButton[role="place"]:focus { border: 2px solid @accent; padding: 5px 1px; }
QToolButton[role="place"][planned="true"] { color: @faint; }
QToolButton[role="segment"] { border: 1px solid @outline; border-radius: 0; padding: 5px 4px; background: @surface; }
QToolButton[role="segment"][edge="first"] { border-top-left-radius: 6px; border-bottom-left-radius: 6px; }
QToolButton[role="segment"][edge="last"] { border-top-right-radius: 6px; border-bottom-right-radius: 6px; }
QToolButton[role="segment"]:hover { background: @hover; }
QToolButton[role="segment"]:checked { background: @selected; border: 1px solid @accent; font-weight: 600; }
QToolButton[role="segment"]:focus { border: 2px solid @accent; padding: 4px 3px; }
QToolButton[role="chip"], QToolButton[role="synthetic-chip"] { background: rgba(11, 13, 16, 225); color: #F2F5F8;
    border: 1px solid #6B7683; border-radius: 4px; padding: 2px 8px; font-size: 12px; }
QToolButton[role="chip"]:hover { background: #2C343E; }
QToolButton[role="synthetic-chip"] { background: @synthetic; color: @on_accent; border-color: rgba(0, 0, 0, 120);
    font-weight: 700; }
QToolButton[role="chip"]:focus, QToolButton[role="synthetic-chip"]:focus { border: 2px solid @accent;
    padding: 1px 7px; }
QToolButton[role="class"] { border: 1px solid @border; border-radius: 6px; padding: 5px 6px; text-align: left;
    background: @surface; }
QToolButton[role="class"]:hover { background: @hover; }
QToolButton[role="class"]:checked { background: @selected; border: 1px solid @accent; font-weight: 600; }
QToolButton[role="class"]:focus { border: 2px solid @accent; padding: 4px 5px; }

QLineEdit, QPlainTextEdit, QSpinBox, QDoubleSpinBox, QComboBox, QKeySequenceEdit QLineEdit { background: @surface;
    border: 1px solid @outline; border-radius: 6px; padding: 5px 8px; selection-background-color: @accent;
    selection-color: @on_accent; }
QSpinBox, QDoubleSpinBox { padding: 5px 22px 5px 2px; min-height: 18px; }
QAbstractSpinBox QLineEdit { border: 0; padding: 0 0 0 6px; background: transparent; }
QAbstractSpinBox QLineEdit:focus { border: 0; padding: 0 0 0 6px; }
QComboBox { padding-right: 24px; min-height: 18px; }
QLineEdit:focus, QPlainTextEdit:focus, QSpinBox:focus, QDoubleSpinBox:focus, QComboBox:focus {
    border: 2px solid @accent; padding-top: 4px; padding-bottom: 4px; }
QLineEdit:focus, QPlainTextEdit:focus, QComboBox:focus { padding-left: 7px; }
QSpinBox:focus, QDoubleSpinBox:focus { padding-left: 1px; }
QLineEdit:disabled, QPlainTextEdit:disabled, QSpinBox:disabled, QDoubleSpinBox:disabled, QComboBox:disabled {
    color: @faint; background: @ground; border-color: @border; }
QComboBox::drop-down, QSpinBox::up-button, QSpinBox::down-button, QDoubleSpinBox::up-button,
QDoubleSpinBox::down-button { border: 0; width: 20px; background: transparent; }
QComboBox::down-arrow, QSpinBox::down-arrow, QDoubleSpinBox::down-arrow { image: url("@down-text"); width: 12px;
    height: 12px; }
QSpinBox::up-arrow, QDoubleSpinBox::up-arrow { image: url("@up-text"); width: 12px; height: 12px; }
QComboBox QAbstractItemView { background: @surface; border: 1px solid @outline; padding: 4px; }
QCheckBox { spacing: 8px; background: transparent; padding: 3px; border: 1px solid transparent; border-radius: 6px; }
QCheckBox:focus { border: 2px solid @accent; padding: 2px; }
QCheckBox::indicator { width: 14px; height: 14px; border: 1px solid @outline; border-radius: 4px;
    background: @surface; }
QCheckBox::indicator:checked { background: @accent; border-color: @accent; image: url("@tick-on"); }
QCheckBox::indicator:disabled { border-color: @border; background: @ground; }
QSlider { background: transparent; min-height: 20px; border: 2px solid transparent; border-radius: 6px; }
QSlider:focus { border-color: @accent; }
QSlider::groove:horizontal { height: 4px; border-radius: 2px; background: @pressed; margin: 0 2px; }
QSlider::sub-page:horizontal { background: @accent; border-radius: 2px; margin: 0 2px; }
QSlider::sub-page:horizontal:disabled { background: @border; }
QSlider::handle:horizontal { width: 14px; height: 14px; margin: -6px 0; border-radius: 8px; background: @surface;
    border: 2px solid @accent; }
QSlider::handle:horizontal:disabled { border-color: @border; }
QProgressBar { border: 0; border-radius: 2px; background: @pressed; max-height: 4px; min-height: 4px;
    text-align: center; color: transparent; }
QProgressBar::chunk { background: @accent; border-radius: 2px; }

QMenu { background: @surface; border: 1px solid @outline; padding: 4px; }
QMenu::item { padding: 6px 24px 6px 12px; border-radius: 4px; }
QMenu::item:selected { background: @selected; }
QMenu::item:disabled { color: @faint; }
QMenu::separator { height: 1px; background: @border; margin: 4px 8px; }
QMenu::indicator { width: 14px; height: 14px; margin-left: 6px; }
QMenu::indicator:checked { image: url("@tick-text"); }
QToolTip { background: @surface; color: @text; border: 1px solid @outline; padding: 6px 8px; }
QScrollArea { background: transparent; border: 0; }
QScrollArea > QWidget > QWidget { background: transparent; }
QScrollBar:vertical { width: 10px; background: transparent; margin: 0; }
QScrollBar:horizontal { height: 10px; background: transparent; margin: 0; }
QScrollBar::handle { background: @outline; border-radius: 4px; margin: 1px; min-height: 28px; min-width: 28px; }
QScrollBar::handle:hover { background: @muted; }
QScrollBar::add-line, QScrollBar::sub-line, QScrollBar::add-page, QScrollBar::sub-page { background: none; border: 0;
    width: 0; height: 0; }
QListView, QTableWidget { background: @surface; border: 1px solid @border;
    border-radius: 6px; padding: 2px; }
QListView:focus, QTableWidget:focus { border: 2px solid @accent; padding: 1px; }
QListWidget::item { padding: 6px 8px; border-radius: 4px; color: @text; }
QListWidget::item:hover { background: @hover; }
QListWidget::item:selected { background: @selected; color: @text; }
#palette QLineEdit { border: 0; border-bottom: 1px solid @border; border-radius: 0; font-size: 15px; padding: 10px; }
#palette QListView, #flat { border: 0; padding: 0; }
QHeaderView::section { background: @ground; border: 0; border-bottom: 1px solid @border; padding: 6px 8px;
    font-weight: 600; }
QTableWidget { gridline-color: @border; }
QTableWidget::item { padding-left: 6px; }
QTableWidget::item:selected { background: @selected; color: @text; }
QSplitter::handle { background: @border; }
#banner[level="info"] { background: @info_tint; border-bottom: 1px solid @accent; }
#banner[level="warning"] { background: @warning_tint; border-bottom: 1px solid @warning; }
#banner[level="error"] { background: @error_tint; border-bottom: 1px solid @error; }
#banner[level="synthetic"] { background: @synthetic_tint; border-bottom: 1px solid @synthetic; }
#veil { background: @ground; }
"""


def style_sheet(tokens: Tokens, marks: Mapping[str, str]) -> str:
    """The style sheet of the whole application; `marks` are paths of small pictures by name."""
    values = {name: getattr(tokens, name) for name in (
        "ground", "surface", "border", "text", "muted", "accent", "on_accent", "synthetic", "warning", "error", "done",
        "hover", "pressed", "selected", "faint", "outline", "accent_hover")}
    values |= {"info_tint": tokens.tint(tokens.accent), "warning_tint": tokens.tint(tokens.warning),
               "error_tint": tokens.tint(tokens.error), "synthetic_tint": tokens.tint(tokens.synthetic), **marks}
    sheet = _SHEET
    for name in sorted(values, key=len, reverse=True):
        sheet = sheet.replace(f"@{name}", values[name])
    return sheet
