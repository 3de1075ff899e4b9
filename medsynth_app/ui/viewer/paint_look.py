"""How the painting lies over the image: shown or not, whole or as an outline, how opaque."""

from __future__ import annotations

import numpy as np

from medsynth_app.ui.viewer.candidate import Candidate
from medsynth_app.ui.viewer.scene import Scene
from medsynth_app.ui.viewer.subject import Subject

STEPS = 10  # of opacity
FILLED = 0.5  # share of what is painted that is generated once a fill of it was accepted


class PaintLook:
    """What a person chose, and when the painting steps back by itself.

    Attributes
    ----------
    visible, outline, opacity
        Whether the painting is shown, as an outline alone, and how opaque it is, 0..1.
    back
        Whether it has stepped back: a fill of it was accepted, which is looked at now.
    """

    def __init__(self, subject: Subject, scene: Scene, candidate: Candidate) -> None:
        self._subject, self._scene, self._candidate = subject, scene, candidate
        self.visible, self.outline, self.opacity = True, False, 0.45
        self.back = False

    def show(self, visible: bool) -> None:
        self.visible = visible
        self.apply()

    def show_outline(self, outline: bool) -> None:
        self.outline, self.back = outline, False
        self.apply()

    def set_opacity(self, opacity: float) -> None:
        self.opacity = min(max(opacity, 0.0), 1.0)
        self.apply()

    @property
    def outlined(self) -> bool:
        """Whether only the outline is shown now."""
        return self.outline or self.back

    def step_back(self) -> None:
        """Be an outline where what is painted has been filled, so that the fill can be seen."""
        document, index = self._subject.document, self._subject.index
        painted = document.mask(index) > 0 if document is not None else np.zeros(0, bool)
        count = int(np.count_nonzero(painted))
        generated = document.synthetic_mask(index) if document is not None and count else None
        self.back = generated is not None and int(np.count_nonzero(painted & generated)) >= FILLED * count
        self.apply()

    def come_forward(self) -> None:
        """Somebody paints: all of it is seen, whatever else is shown."""
        self.back = False
        self._scene.set_mask_outline(self.outline)
        self._scene.set_mask_visible(True)

    def apply(self) -> None:
        """Show it as it stands; not beside a candidate."""
        self._scene.set_mask_opacity(self.opacity)
        self._scene.set_mask_outline(self.outlined)
        self._scene.set_mask_visible(self.visible and not self._candidate.shown)
