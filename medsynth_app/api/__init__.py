"""MedSynth from Python: draw, inpaint and embed on NumPy arrays.

The work is done by the product's own worker, in a process of its own: no model library is loaded into yours, and every
result carries the record that the window and the command line would write.

    from medsynth_app.api import Pack

    with Pack("blood-cells") as pack:
        for picture in pack.generate("a neutrophil in a peripheral blood smear", count=8, seed=1):
            picture.save(f"neutrophil-{picture.seed}.png")

What goes wrong and can be mended is raised as `UserError`: what happened, and what to do.
"""

from medsynth_app.api.dataset import DrawnDataset
from medsynth_app.api.encoder import Encoder
from medsynth_app.api.pack import Pack, Pending
from medsynth_app.api.results import Fill, Picture
from medsynth_app.core.errors import UserError
from medsynth_app.core.provenance import Provenance

__all__ = ["DrawnDataset", "Encoder", "Fill", "Pack", "Pending", "Picture", "Provenance", "UserError"]
