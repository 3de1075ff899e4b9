"""What was learned from the labels, in words and figures that claim no more than they know."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from medsynth_app.core.learned import Report, Saved, Share
from medsynth_app.core.words import _, ngettext
from medsynth_app.session.session import Session
from medsynth_app.session.teaching import Stage
from medsynth_app.ui.places.label.figures import Confusion
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.theme.theme import Theme
from medsynth_app.ui.widgets.basic import Group, clear, column, label
from medsynth_app.ui.widgets.panel import fact
from medsynth_app.ui.widgets.plot import Plot, PlotLine

CURVE_PX = 128
FEW = 20  # cells by chance below which an interval over them says nothing


class LearnedGroup(QWidget):
    """Two groups: how good the classifier is, and how good it is at each class."""

    def __init__(self, theme: Theme, session: Session) -> None:
        super().__init__()
        self._session, self._labelling = session, session.labelling
        self.state = label("", "help", wrap=True)
        self.curve = Plot(theme, _("Learning curve"), _("The band is one standard error either way."), CURVE_PX,
                          values=(0.0, 1.0))
        self._facts, self._recalls = column(spacing=look.XS), column(spacing=look.XS)
        self.advice = label("", "done", wrap=True)
        self.confusion = Confusion(theme)
        self._none = label(_("Known once real cells were labelled one by one, of two classes."), "help", wrap=True)
        self.all = Group(theme, _("What was learned")).add(self.state, self._facts, self.curve, self.advice)
        self.each = Group(theme, _("Class by class"), is_open=False)
        self.each.add(self._none, label(_("Rows as labelled, columns as the classifier names them"), "help", wrap=True),
                      self.confusion, self._recalls)
        column(self.all, self.each, parent=self, spacing=look.S)
        teaching = session.labelling.teaching
        teaching.stage_changed.connect(self.show_state)
        teaching.learned_changed.connect(self.refresh)
        session.labelling.changed.connect(self.refresh)
        self.refresh()

    def show_state(self) -> None:
        """What is under way."""
        text = state_words(self._session)
        self.state.setText(text)
        self.state.setVisible(bool(text))

    def refresh(self) -> None:
        """Show the figures of what was learned last."""
        learned, opened = self._labelling.teaching.learned, self._labelling.current
        clear(self._facts)
        clear(self._recalls)
        report = learned.report if learned is not None else None
        scores = report.scores if report is not None else None
        for name, words in _facts(report):
            self._facts.addWidget(fact(name, words))
        points = report.curve if report is not None else ()
        self.curve.setVisible(len(points) > 1)
        self.curve.show_lines([PlotLine(_("macro-F1, labelled one by one"),
                                        [(each.labels, each.macro_f1) for each in points],
                                        band=[(each.macro_f1 - each.error, each.macro_f1 + each.error)
                                              for each in points])])
        self.advice.setText(_("The curve is flat: more labels of this kind would teach little. You may stop.")
                            if report is not None and report.flat else "")
        self.advice.setVisible(bool(self.advice.text()))
        self._none.setVisible(scores is None)
        if opened is not None:
            self.confusion.show_scores(opened.schema, scores)
        if opened is not None and scores is not None:
            for kind, recall in zip(opened.schema.classes, scores.recall, strict=False):
                if recall is not None:
                    self._recalls.addWidget(label(_("{key}  {name}: {share} found").format(
                        key=kind.key.upper(), name=kind.name, share=share_words(recall)), "help", wrap=True))
        self.show_state()


def state_words(session: Session) -> str:
    """What a person waits for, or why they wait for nothing."""
    teaching, opened = session.labelling.teaching, session.labelling.current
    if opened is None or not opened.cells:
        return ""
    if teaching.stage is Stage.EMBEDDING:
        return _("The encoder looks at the cells: {percent} %. They come by chance until then.").format(
            percent=round(100 * teaching.fraction))
    if teaching.obstacle:
        return teaching.obstacle
    known = len(session.labelling.consensus)
    if teaching.stage is Stage.LEARNING:
        return ngettext("Learning from {count} label…", "Learning from {count} labels…", known).format(count=known)
    if teaching.learned is None:
        return _("Nothing was learned yet.")
    return ngettext("Learned from {count} label.", "Learned from {count} labels.", teaching.labels_known).format(
        count=f"{teaching.labels_known:,}")


def _facts(report: Report | None) -> list[tuple[str, str]]:
    if report is None:
        return []
    found = []
    scores = report.scores
    found.append((_("Macro-F1"), _("{share}, on real cells labelled one by one").format(
        share=share_words(scores.macro_f1)) if scores is not None
        else _("no score yet: too few real cells were labelled one by one")))
    if unscored := unscored_words(report):
        found.append((_("Not scored"), unscored))
    if report.control is not None and report.control.macro_f1.n >= FEW:
        found.append((_("By chance"), _("{share} on cells that chance drew").format(
            share=share_words(report.control.macro_f1))))
    if report.saved is not None:
        found.append((_("Labels saved"), saved_words(report.saved)))
    if report.unseen is not None and report.unseen.high < 1:
        found.append((_("New classes"), _("at most {share} % of the cells are of a class not seen yet").format(
            share=round(100 * report.unseen.high))))
    return found


def unscored_words(report: Report) -> str:
    """Which labels taught but count in no figure, and why; "" where all do."""
    grouped = ngettext("{count} label given in groups, whose cells the classifier chose",
                       "{count} labels given in groups, whose cells the classifier chose", report.grouped
                       ).format(count=f"{report.grouped:,}")
    generated = ngettext("{count} label of generated cells", "{count} labels of generated cells", report.generated
                         ).format(count=f"{report.generated:,}")
    return "; ".join(words for words, count in ((grouped, report.grouped), (generated, report.generated)) if count)


def share_words(share: Share) -> str:
    """ "0.86 (0.81 to 0.90, 212 cells)"."""
    return ngettext("{value} ({low} to {high}, {n} cell)", "{value} ({low} to {high}, {n} cells)", share.n).format(
        value=f"{share.value:.2f}", low=f"{share.low:.2f}", high=f"{share.high:.2f}", n=f"{share.n:,}")


def saved_words(saved: Saved) -> str:
    """How many labels chance would have needed."""
    most = f"{saved.high:,}" if saved.high is not None else _("more")
    return _("{given} do the work of {random} by chance ({low} to {high})").format(
        given=f"{saved.given:,}", random=f"{saved.random:,}", low=f"{saved.low:,}", high=most)
