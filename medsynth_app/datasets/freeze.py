"""Freezing a data folder as a training set: a manifest of files, boxes, captions and splits.

The split is made before anything is learned (`datasets.division`): the data set's own where it has one, else by
patient, else by groups of pictures that are nearly the same. Only listed files are ever read by a training run, and
those of the split ``test`` never. An item may have a mask: a PNG of labels (uint8, 0 = background) that covers the same
frame as its file, so that the item's box applies to both.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from medsynth_app.core.errors import UserError
from medsynth_app.core.files import writing
from medsynth_app.core.intensity import IntensityRange
from medsynth_app.datasets.cells import cell_items
from medsynth_app.datasets.choice import Chosen, choose, examined_listing
from medsynth_app.datasets.dataset import FIELDS, FORMAT, MANIFEST
from medsynth_app.datasets.description import Description, description_of, refuse_claims
from medsynth_app.datasets.division import PARTS
from medsynth_app.datasets.examined import Progress
from medsynth_app.datasets.fields import field_items
from medsynth_app.datasets.listing import CELLS, LABELS, PAIRS, VOLUMES, Listing, listed
from medsynth_app.datasets.pairs import pair_items
from medsynth_app.datasets.ready import Item, made_ready
from medsynth_app.datasets.recognised import Form, recognise, wrong_layout
from medsynth_app.datasets.schema import check_section
from medsynth_app.datasets.volumes import volume_items

NAMED = 40  # broken files of a message


def freeze_training_set(data: Path, layout: dict[str, Any], out: Path, progress: Progress | None = None) -> Path:
    """Write ``manifest.json`` (and masks, slices of volumes and copies of what Pillow cannot read) to `out`.

    Parameters
    ----------
    data
        The data folder: ``labels.csv`` or class folders; ``images/ masks/``, in ``train/ val/`` or without; NIfTI
        ``images/ labels/``; or ``images/ annotations/``, as ``layout["layout"]`` says. Or a CSV file like
        ``labels.csv``.
    layout
        The ``[data]`` section of a recipe.
    progress
        Called with how much is done, and of how much: every file is read once, then made ready. What it raises ends
        the freezing: then `out` holds no manifest, and is no frozen set.

    Returns
    -------
    `out`.

    Raises
    ------
    UserError
        When the folder does not have that layout, is another data set than the recipe's, or holds files that cannot be
        used: all of them are named.
    """
    tell = progress or (lambda done, total: None)
    with _in_words(data, layout):
        listing, about = _look(data, layout)
        count = len(listing.entries)
        out.mkdir(parents=True, exist_ok=True)
        (out / MANIFEST).unlink(missing_ok=True)
        chosen = _chosen(listing, layout, lambda done: tell(done, 2 * count))
        items = list(_items(chosen, layout, out, lambda done: tell(count + done, 2 * count)))
    sha256 = hashlib.sha256(json.dumps(items, sort_keys=True).encode()).hexdigest()
    name = about.name or f"{about.facts()['name']} ({sha256[:6]})"  # so that two such sets are told apart
    manifest = {"format": FORMAT, **about.facts(), "name": name, **_facts_of(chosen, layout, items), "sha256": sha256,
                "items": items}
    with writing(out / MANIFEST) as part:
        part.write_text(json.dumps(manifest))
    return out


def check_layout(data: Path, layout: dict[str, Any]) -> None:
    """Raise `UserError` where `freeze_training_set` would at once: a look before a long run that reads no picture."""
    with _in_words(data, layout):
        _look(data, layout)


def refuse_among(data: Path, place: Path) -> None:
    """Raise `UserError` for a folder among the data: what is written there would be taken for a class of them."""
    if data.is_dir() and place.resolve().is_relative_to(data.resolve()):
        raise UserError(f"The folder {place.name} lies among the data.", "Give a folder elsewhere with --out.",
                        safe="Nothing was written.")


def _look(data: Path, layout: dict[str, Any]) -> tuple[Listing, Description]:
    """What the folder holds, and what it is; raises `UserError` where that is not what the recipe is for."""
    refuse_claims(layout)
    check_section(layout)
    listing = listed(data, str(layout["layout"]))
    if not listing.entries:
        raise wrong_layout(data, listing.layout)
    if listing.layout == CELLS and data.is_dir() and not (data / LABELS).is_file() \
            and recognise(data).form in (Form.PAIRS, Form.VOLUMES):  # its folders are no classes
        raise wrong_layout(data, CELLS)
    fellows = [entry.boxes if listing.layout == FIELDS else entry.mask for entry in listing.entries]
    if listing.layout in (PAIRS, VOLUMES, FIELDS) and not any(path is not None and path.is_file() for path in fellows):
        raise wrong_layout(data, listing.layout, "nothing in images/ has a fellow of its name")
    about = description_of(data, layout)
    about.refuse_another(listing.counts, recipe=bool(about.key))
    if listing.layout == CELLS:
        _check_classes(listing.counts, layout)
    _ranges(layout)
    return listing, about


def _check_classes(counts: Mapping[str, int], layout: Mapping[str, Any]) -> None:
    """A class that the recipe speaks of and the data have not is a typo, or another data set."""
    asked = [*layout.get("class_names", {}), *layout.get("without_nucleus", []),
             *([layout["background_class"]] if "background_class" in layout else [])]
    strange = sorted({name for name in asked if name not in counts})
    if strange:
        have = ", ".join(sorted(counts))
        raise UserError(f"The recipe speaks of the class {strange[0]!r}, and the data have {have}.",
                        "Give the data that the recipe was written for, or mend class_names, background_class and "
                        "without_nucleus in its [data].")


def _chosen(listing: Listing, layout: Mapping[str, Any], tell: Callable[[int], None]) -> Chosen:
    """Read every picture of a listing and split them; raises `UserError` where any cannot be used: all are named."""
    facts = examined_listing(listing, lambda done, total: tell(done))
    broken = [f"{entry.name}: {fact.problem}" for entry, fact in zip(listing.entries, facts, strict=True)
              if fact.problem]
    if broken:
        more = f" and {len(broken) - NAMED} more" if len(broken) > NAMED else ""
        what = "file of the data cannot be used" if len(broken) == 1 else "files of the data cannot be used"
        raise UserError(f"{len(broken)} {what}: {' '.join(broken[:NAMED])}{more}",
                        "Mend them or take them away; `medsynth data inspect` names all.")
    chosen = choose(listing, facts, bool(layout.get("include_synthetic", False)),
                    lambda done, total: tell(len(facts)))
    if not any(chosen.parts):
        raise UserError("All pictures of the data were drawn by a model.",
                        "Add real ones, or write include_synthetic = true into [data] of the recipe.")
    return chosen


def _items(chosen: Chosen, layout: dict[str, Any], out: Path, tell: Callable[[int], None]) -> Iterator[Item]:
    entries = chosen.listing.entries
    if chosen.listing.layout == VOLUMES:
        for k, items in enumerate(volume_items(entries, chosen.parts, layout, out), 1):
            yield from items
            tell(k)
        return

    def ready() -> Iterator[Any]:
        for k, pictures in enumerate(
                made_ready(entries, chosen.facts, chosen.parts, chosen.patients, out, _ranges(layout)), 1):
            yield from pictures
            tell(k)

    if chosen.listing.layout == FIELDS:
        yield from field_items(ready(), layout)
    else:
        yield from (pair_items if chosen.listing.layout == PAIRS else cell_items)(ready(), layout, out)


def _ranges(layout: Mapping[str, Any]) -> dict[str, IntensityRange]:
    """What the recipe says that is black and white, by modality: ``intensity_ranges = { CT = [-1000, 400] }``."""
    try:
        return {str(modality): IntensityRange(float(ends[0]), float(ends[1]))
                for modality, ends in dict(layout.get("intensity_ranges", {})).items()}
    except (TypeError, ValueError, IndexError) as error:
        raise UserError("In [data] of the recipe, intensity_ranges is of the wrong kind.",
                        "Give two rising numbers for each modality: intensity_ranges = { CT = [-1000, 400] }."
                        ) from error


def _facts_of(chosen: Chosen, layout: Mapping[str, Any], items: Sequence[Item]) -> dict[str, Any]:
    """What the manifest says of how the set was made."""
    names = [entry.name for entry in chosen.listing.entries]
    files: dict[str, dict[str, set[str]]] = {}
    for item in items:
        files.setdefault(str(item.get("class", "")), {}).setdefault(str(item["split"]), set()).add(str(item["file"]))
    return {
        "section": dict(layout),
        "split_by": str(chosen.by),
        "classes": {name: {part: len(parts.get(part, ())) for part in PARTS} for name, parts in sorted(files.items())},
        "synthetic": chosen.drawn,
        "left_out": {"near_duplicates": [names[k] for k in chosen.near],
                     "synthetic": [names[k] for k in chosen.synthetic]},
        "intensity_ranges": {name: asdict(limits) for name, limits in _ranges(layout).items()},
    }


@contextmanager
def _in_words(data: Path, layout: dict[str, Any]) -> Iterator[None]:
    """One sentence for what is wrong with the folder of the data or a file in it."""
    try:
        yield
    except KeyError as error:
        raise UserError(f"The recipe or the list of the data lacks {error}.",
                        "Compare the recipe with one in resources/recipes, and labels.csv with its columns.") from error
    except OSError as error:  # without its path, which may hold a name
        what = f"{Path(error.filename).name}: {error.strerror}" if error.filename else type(error).__name__
        raise wrong_layout(data, str(layout["layout"]), what) from error
    except (RuntimeError, ValueError, IndexError) as error:
        raise UserError(f"A picture, volume or mask in the folder {data.name} cannot be used.",
                        "Check the files that were added last.", details=type(error).__name__) from error
