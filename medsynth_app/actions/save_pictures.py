"""Save generated pictures into a folder: as a data set like those that orders make, or as files with their records."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from medsynth_app.actions.export import export_picture
from medsynth_app.actions.make import class_names
from medsynth_app.actions.out_folder import out_folder, require_room
from medsynth_app.core.errors import Cancelled, UserError
from medsynth_app.core.pack import PackManifest
from medsynth_app.core.pack_files import InstalledPack
from medsynth_app.datasets.made import MadePicture, MadeSet, settings_of, write_picture
from medsynth_app.datasets.made_tables import write_tables
from medsynth_app.workspace.pictures import Picture
from medsynth_app.workspace.workspace import Workspace

LARGEST = 256 * 256 * 4  # bytes of a picture and its mask, reckoned before they are read


@dataclass(frozen=True)
class PicturesSaved:
    """What was written."""

    folder: Path
    count: int
    notices: tuple[str, ...] = ()


def save_pictures(workspace: Workspace, picture_ids: Sequence[str], folder: Path, *, as_set: bool, mark: bool = True,
                  invisible: bool = False, packs: Sequence[InstalledPack] = (),
                  progress: Callable[[int, int], None] = lambda at, of: None,
                  cancelled: Callable[[], bool] = lambda: False) -> PicturesSaved:
    """Write pictures into a new or an empty folder; those that have gone meanwhile are left out.

    Parameters
    ----------
    as_set
        Class folders (the classes are what tells the prompts apart), or pairs where all follow masks of the same
        labels, with tables and a card, and never a visible mark. Else each as `actions.export.export_picture`, with
        `mark`.
    invisible
        Hide `core.hidden_mark` in each.
    packs
        That are installed, for the card.

    Raises
    ------
    UserError
        When the folder holds files or cannot be written.
    Cancelled
        When `cancelled`; nothing is left.
    """
    require_room((folder, len(picture_ids) * LARGEST))
    with out_folder(folder):
        try:
            saved = _as_set(workspace, picture_ids, folder, packs, invisible, progress, cancelled) if as_set else \
                _as_files(workspace, picture_ids, folder, mark, invisible, progress, cancelled)
        except BaseException:
            for path in folder.iterdir():
                if not path.name.startswith("."):
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
            raise
    return saved


def _each(workspace: Workspace, picture_ids: Sequence[str], progress: Callable[[int, int], None],
          cancelled: Callable[[], bool]) -> Sequence[Picture]:
    """The pictures that are still there; of each no more than its record is read."""
    found = []
    for picture_id in picture_ids:
        if cancelled():
            raise Cancelled
        picture = workspace.pictures.get(picture_id)
        if picture is not None:
            found.append(picture)
    if not found:
        raise UserError("These pictures are no longer there.", "Choose others.", safe="Nothing was written.")
    return found


def _as_files(workspace: Workspace, picture_ids: Sequence[str], folder: Path, mark: bool, invisible: bool,
              progress: Callable[[int, int], None], cancelled: Callable[[], bool]) -> PicturesSaved:
    found = _each(workspace, picture_ids, progress, cancelled)
    seeds: Counter[int] = Counter()
    notices: dict[str, None] = {}
    for at, picture in enumerate(found, 1):
        if cancelled():
            raise Cancelled
        seeds[picture.seed] += 1
        more = f"-{seeds[picture.seed]}" if seeds[picture.seed] > 1 else ""
        path = folder / f"SYNTHETIC-{picture.seed}{more}.png"
        written = export_picture(workspace, picture.pixels(), picture.provenance, path,
                                 mark=mark, invisible=invisible, mask=picture.mask())
        notices |= dict.fromkeys(written.notices)
        progress(at, len(found))
    return PicturesSaved(folder, len(found), tuple(notices))


def _as_set(workspace: Workspace, picture_ids: Sequence[str], folder: Path, packs: Sequence[InstalledPack],
            invisible: bool, progress: Callable[[int, int], None], cancelled: Callable[[], bool]) -> PicturesSaved:
    found = _each(workspace, picture_ids, progress, cancelled)
    held = {_labels(picture) for picture in found}
    labels = next(iter(held)) if len(held) == 1 else None
    pairs, called = labels is not None, _called(found)
    installed = {pack.manifest.sha256: pack.manifest for pack in packs}
    named = _classes(found, installed)
    numbers: Counter[str] = Counter()
    made = []
    for at, picture in enumerate(found, 1):
        if cancelled():
            raise Cancelled
        name = named[picture.provenance.pack_sha256, _prompt(picture)]
        numbers[name] += 1
        file = f"SYN-{name}-{numbers[name]:05d}.png"
        of_set = MadePicture(
            f"images/{file}" if pairs else f"{name}/{file}", name, picture.seed, _prompt(picture),
            called[picture.provenance.pack_sha256], mask_file=f"masks/{file}" if pairs else "",
            settings=settings_of(picture.provenance.parameters, pairs))
        write_picture(folder, of_set, picture.pixels(), picture.provenance, picture.mask() if pairs else None,
                      invisible=invisible)
        made.append(of_set)
        progress(at, len(found))
    write_tables(folder, MadeSet(
        folder.name, tuple(made), {name: installed[sha] for sha, name in called.items() if sha in installed}, len(made),
        labels=labels or (), unknown={name: sha for sha, name in called.items() if sha not in installed},
        invisible_mark=invisible))
    left = sum(picture.has_mask for picture in found) if not pairs else 0
    return PicturesSaved(folder, len(found), (
        f"{left} of the pictures have masks, which are no part of this set: its pictures do not all follow masks of "
        "the same labels.",) if left else ())


def _prompt(picture: Picture) -> str:
    return str(picture.provenance.parameters.get("prompt", ""))


def _called(pictures: Sequence[Picture]) -> dict[str, str]:
    """The models' names by their hashes, with a part of the hash where two of one name drew."""
    names = {picture.provenance.pack_sha256: picture.provenance.pack for picture in pictures}
    held = Counter(names.values())
    return {sha256: f"{name} {sha256[:12]}" if held[name] > 1 else name for sha256, name in names.items()}


def _labels(picture: Picture) -> tuple[str, ...] | None:
    """What the values of its mask mean; None where it has none."""
    said = picture.provenance.parameters.get("mask_labels")
    if not picture.has_mask or not isinstance(said, dict):
        return None
    return tuple(str(said[value]) for value in sorted(said, key=int))


def _classes(pictures: Sequence[Picture], installed: Mapping[str, PackManifest]) -> dict[tuple[str, str], str]:
    """The class of every prompt of every model: what tells it from the model's other prompts, its examples too."""
    prompts: dict[str, dict[str, None]] = {}
    for picture in pictures:
        prompts.setdefault(picture.provenance.pack_sha256, {})[_prompt(picture)] = None
    found: dict[tuple[str, str], str] = {}
    called: dict[str, str] = {}  # as it is written, by what is one folder on some systems
    for sha256, asked in prompts.items():
        examples = installed[sha256].example_prompts if sha256 in installed else ()
        for prompt, name in zip(asked, class_names([*asked, *examples]), strict=False):
            found[sha256, prompt] = called.setdefault(name.casefold(), name)
    return found
