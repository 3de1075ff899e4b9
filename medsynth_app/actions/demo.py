"""Images to try the program with, none of them of a patient of this house."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

RESOURCES = Path(__file__).resolve().parents[2] / "resources" / "demo"


@dataclass(frozen=True)
class DemoImage:
    """An image that the first run offers.

    Attributes
    ----------
    domain
        Domain of the model packs that suit it, e.g. ``"blood cells"``; empty where none does yet.
    credit
        Where it comes from, for the tooltip and the demo's record.
    """

    title: str
    path: Path
    domain: str
    credit: str


_OWN = (  # drawn by the packs that come with the program; see resources/demo
    ("A blood cell", "blood-cell.png", "blood cells"),
    ("A colonoscopy frame", "colonoscopy.png", "colonoscopy"),
    ("MR of the hippocampus", "hippocampus.png", "hippocampus MRI"),
    ("A chest X-ray", "chest-xray.png", "chest X-ray"),
)
_PYDICOM = (
    ("CT of the spine", "CT_small.dcm", "", "pydicom test files, CT_small (anonymous)"),
    ("CT of the head", "J2K_pixelrep_mismatch.dcm", "",
     "pydicom test files, J2K_pixelrep_mismatch (anonymous)"),
    ("MR of the abdomen", "examples_overlay.dcm", "", "pydicom test files, examples_overlay (anonymous)"),
)


def demo_images() -> list[DemoImage]:
    """The images that are there: the project's own, then those inside installed packages."""
    own = [DemoImage(title, RESOURCES / name, domain, "synthetic, drawn by a MedSynth model pack")
           for title, name, domain in _OWN]
    folder = _package_folder("pydicom") / "data" / "test_files"
    found = own + [DemoImage(title, folder / name, domain, credit) for title, name, domain, credit in _PYDICOM]
    return [image for image in found if image.path.is_file()]


def _package_folder(name: str) -> Path:
    """Where an installed package lies, without importing it."""
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec is not None and spec.origin else Path("/nonexistent")
