"""Standing facts of an image: what one should know of it for as long as it is open."""

from __future__ import annotations

from dataclasses import dataclass

from medsynth_app.core.image import FrameInfo, ImageInfo
from medsynth_app.core.volume import NoVolume, grid_of
from medsynth_app.core.words import _, ngettext

READ_ONLY = _("This image is open in another window. Close that one, then open the image again to work on it.")
LOOKING = _("You can look and export; nothing can be changed.")
GENERATED = _("Pixels shown here are generated, not measured.")
FROM_FILE = _("The file that was opened says that it holds generated pixels.")
_STACKS = {
    NoVolume.UNPLACED: (_("Places unknown"), _("Some slices do not say where in the patient they lie.")),
    NoVolume.UNLIKE: (_("Unlike slices"), _("The slices differ in size, pixel size or direction.")),
    NoVolume.UNEVEN: (_("Uneven gaps"), _("The slices do not follow each other in even steps.")),
    NoVolume.TILTED: (_("Tilted"), _("The slices are shifted against each other, as with a tilted gantry.")),
    NoVolume.REPEATED: (_("Repeats"), _("All slices lie at one place.")),
}


@dataclass(frozen=True)
class Fact:
    """One fact: a few words for its chip, and whole sentences."""

    title: str
    texts: tuple[str, ...]


def stack_fact(info: ImageInfo) -> Fact | None:
    """Why the frames of an image fill no even block; None where they do, or need not."""
    frames = info.frames
    grid = grid_of([frame.geometry for frame in frames], frames[0].rows, frames[0].columns)
    if not isinstance(grid, NoVolume) or grid not in _STACKS or (grid is NoVolume.UNPLACED and not info.modality):
        return None
    title, text = _STACKS[grid]
    return Fact(title, (text,))


def facts_of(info: ImageInfo, frame: FrameInfo, stack: Fact | None, read_only: str) -> tuple[Fact, ...]:
    """What is to be said of a frame beside that it is synthetic, the weightiest first.

    `stack` is that of `stack_fact`, `read_only` says why nothing can be changed, "" where it can.
    """
    found = [Fact(_("Read-only"), (read_only, LOOKING))] if read_only else []
    if stack is not None:
        found.append(stack)
    if info.modality is None and info.colour == "grey":
        found.append(Fact(_("Modality unknown"), (_("The file does not say what kind of image it is; models are chosen "
                                                    "by how it looks."),)))
    if info.modality is not None and (frame.geometry is None or frame.geometry.normal is None):
        found.append(Fact(_("Orientation unknown"), (_("The file does not say how this image lies in the patient: "
                                                       "there are no letters at its edges."),)))
    if info.notices:
        count = len(info.notices)
        found.append(Fact(ngettext("{count} note", "{count} notes", count).format(count=count), info.notices))
    return tuple(found)
