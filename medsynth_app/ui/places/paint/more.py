"""What lies behind "More" in the Paint and the Generate inspector, each with a line in plain words."""

from __future__ import annotations

from typing import Any

from PySide6.QtWidgets import QCheckBox, QComboBox, QLineEdit, QWidget

from medsynth_app.core.jobs.request import Sampling
from medsynth_app.core.labels import LabelSchema
from medsynth_app.core.options import option_of
from medsynth_app.core.parameters import InpaintParameters
from medsynth_app.core.words import _
from medsynth_app.session.session import Session
from medsynth_app.ui.theme import tokens as look
from medsynth_app.ui.theme.theme import Theme
from medsynth_app.ui.widgets.basic import Group, Segmented, column, label
from medsynth_app.ui.widgets.fields import Closeness, QuietSpin, SeedRow, Steps, percents, whole
from medsynth_app.ui.widgets.panel import SliderRow, field_row

DEVICES = (("auto", _("Best there is")), ("cuda", _("NVIDIA GPU")), ("mps", _("Apple GPU")), ("cpu", _("Processor")))


class MoreInpaint(Group):
    """Seed, steps, context, feather and the rest."""

    def __init__(self, theme: Theme, session: Session) -> None:
        super().__init__(theme, _("More"), is_open=session.settings.current.more_open)
        self._session = session
        self._schemas: tuple[LabelSchema, ...] = ()
        self.toggled.connect(lambda is_open: session.settings.change(more_open=is_open))
        self.seed = SeedRow(lambda seed: self._set(seed=seed))
        self.steps = Steps()
        self.context = SliderRow(_("Context"), *percents(option_of(InpaintParameters, "context")),
                                 lambda value: self._set(context=value / 100),
                                 _("How much of the surroundings the model sees, as a share of the region."))
        self.feather = whole(option_of(InpaintParameters, "feather"), " px")
        self.guidance = QuietSpin(option_of(Sampling, "guidance"), 0.5)
        self.closely = Closeness(self._set)
        self.match = QCheckBox(_("Match the seam"))
        self.previews = whole(option_of(Sampling, "preview_every"))
        self.previews.setSpecialValueText(_("off"))
        self.avoid = QLineEdit()
        self.avoid.setPlaceholderText(_("nothing"))
        self.avoid.setMinimumWidth(150)
        self.which = Segmented(((None, _("All painted"), _("Fill everything that is painted")),
                                (1, _("Chosen class"), _("Fill only the class chosen above"))), _("What is filled"))
        self.schema = QComboBox()
        self.device = QComboBox()
        self.device.addItems([text for _, text in DEVICES])
        self._connect()
        self._build()

    def _build(self) -> None:
        self.content.setSpacing(look.M)
        self.add(
            self.seed,
            field_row(_("Steps"), self.steps, _("More steps take longer and refine; 0: as many as the model needs.")),
            self.context,
            field_row(_("Feather"), self.feather, _("Width of the soft edge, inside the painted region only.")),
            field_row(_("Guidance"), self.guidance, _("How literally the prompt is taken; high values look harsh.")),
            self.closely,
            field_row(_("Avoid"), self.avoid, _("Words for what shall not be drawn.")),
            column(self.match, label(_("Fits brightness and grain of the fill to what surrounds it."), "help",
                                     wrap=True), spacing=2),
            column(label(_("What is filled")), self.which, spacing=look.XS),
            field_row(_("Classes"), self.schema, _("The set of classes to paint with on this image.")),
            field_row(_("Preview every"), self.previews, _("Steps between pictures of the work under way.")),
            field_row(_("Runs on"), self.device, _("Where the model computes.")))

    def _connect(self) -> None:
        self.steps.valueChanged.connect(lambda value: self._set(steps=value))
        self.feather.valueChanged.connect(lambda value: self._set(feather=value))
        self.guidance.valueChanged.connect(lambda value: self._set(guidance=value))
        self.match.toggled.connect(lambda on: self._set(match_seam=on))
        self.previews.valueChanged.connect(lambda value: self._set(preview_every=value))
        self.avoid.textEdited.connect(lambda text: self._set(negative_prompt=text))
        self.which.chosen.connect(self._choose_filled)
        self.schema.activated.connect(lambda index: self._session.painting.set_schema(self._schemas[index]))
        self.device.activated.connect(self._choose_device)

    def _set(self, **values: Any) -> None:
        self._session.inpaint.set(**values)

    def _choose_filled(self, value: int | None) -> None:
        self._session.painting.set_fills_one_class(value is not None)

    def _choose_device(self, index: int) -> None:
        name = DEVICES[index][0]
        self._session.settings.change(device=name)
        self._session.inpaint.set(device=name)
        self._session.generate.set(device=name)

    def refresh(self) -> None:
        """Show the session's state without writing it back."""
        s, p = self._session, self._session.inpaint.parameters
        fields: tuple[QWidget, ...] = (self.feather, self.guidance, self.match, self.previews)
        for field in fields:
            field.blockSignals(True)
        self.seed.show_seed(p.sampling.seed)
        self.steps.show_steps(p.sampling.steps, s.models.pack)
        self.context.show_value(round(p.context * 100), f"{round(p.context * 100)} %")
        self.feather.setValue(p.feather)
        self.guidance.setValue(p.sampling.guidance)
        self.match.setChecked(p.match_seam)
        can_follow = s.models.pack is not None and s.models.pack.manifest.draws_from_masks
        self.closely.show_scale(p.conditioning.control_scale, can_follow and p.mode == "replace")
        self.previews.setValue(p.sampling.preview_every)
        if self.avoid.text() != p.conditioning.negative_prompt:
            self.avoid.setText(p.conditioning.negative_prompt)
        for each in (self.steps, self.context, self.feather, self.guidance, self.match, self.previews, self.avoid,
                     self.device):
            each.setEnabled(not s.inpaint.without_model)
        self.which.set_value(None if s.painting.mask_value is None else 1)
        self._show_schemas()
        self.device.setCurrentIndex([name for name, _ in DEVICES].index(p.sampling.device))
        for field in fields:
            field.blockSignals(False)

    def _show_schemas(self) -> None:
        """List the sets of classes; where two have the same name, with what they hold."""
        s = self._session
        if self._schemas != s.painting.schemas:
            self._schemas = s.painting.schemas
            names = [schema.name for schema in self._schemas]
            self.schema.clear()
            for name, schema in zip(names, self._schemas, strict=True):
                held = f": {', '.join(item.name for item in schema.classes)}" if names.count(name) > 1 else ""
                self.schema.addItem(name[:1].upper() + name[1:] + held)
        self.schema.setCurrentIndex(self._schemas.index(s.painting.schema))
        self.schema.setEnabled(s.documents.current is not None and not s.documents.read_only)
