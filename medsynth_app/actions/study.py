"""Measure a pack by one of the studies, in the background lane."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import platformdirs

from medsynth_app.actions.out_folder import make_folder, require_room
from medsynth_app.actions.packs import find_pack, list_packs
from medsynth_app.actions.train import check_data, domain_of, read_layout, shipped_recipes
from medsynth_app.core.changes import Changes
from medsynth_app.core.errors import UserError
from medsynth_app.core.jobs.request import LARGEST_SEED
from medsynth_app.core.jobs.study import StudyRequest
from medsynth_app.core.pack import MANIFEST, MOST_STEPS
from medsynth_app.core.pack_files import InstalledPack
from medsynth_app.jobs.queue import JobQueue
from medsynth_app.studies.catalogue import DEFAULT_ENCODER, STUDIES, StudyEntry

FEWEST = 50  # pictures that a Frechet distance needs
MOST = {"seed": LARGEST_SEED, "drawing_steps": MOST_STEPS, "counts": MOST_STEPS}
LARGEST = 10**9  # of any other number
LEAST = {"n": 0, "seed": 0, "judge_minutes": 0.01, "minutes": 0.01, "steps": 0, "seeds": 2, "per_class": 1, "real": 0,
         "limits": 0, "repeats": 1, "drawing_steps": 0, "counts": 1}


def study_request(name: str, pack: str, out: Path, *, data: Path | None = None, recipe: Path | None = None,
                  encoder: str | None = None, other: Path | None = None, peers: Path | None = None,
                  record: bool = False, cache: Path | None = None, device: str = "auto",
                  **numbers: Any) -> StudyRequest:
    """All that a worker needs for a study.

    Parameters
    ----------
    name
        Of the study (`studies.catalogue`).
    pack, encoder
        Name or folder of what is measured, and of the encoder that compares pictures; None: the shipped one for cells.
    data
        The data folder that the recipe was written for, or a training set frozen before.
    recipe
        None: the shipped recipe of the pack's name.
    cache
        None: the user's own cache.
    numbers
        Further fields of `StudyRequest`; those that are None or that the study does not heed are left as they are.

    Raises
    ------
    UserError
        No such study, pack, recipe or folder; a pack that the study does not fit; a number out of its range.
    """
    entry = _entry(name)
    given = {**dict(entry.defaults), **{key: value for key, value in numbers.items() if value is not None}}
    given = {key: value for key, value in given.items() if key in entry.takes}
    _check(entry, given)
    found = find_pack(pack, kind=entry.kind or None)
    if name == "control" and not found.manifest.draws_from_masks:
        raise UserError(f"The pack {found.manifest.name} has no ControlNet for masks, so there is nothing to follow.",
                        "Train one with `medsynth train control`, or choose another pack.")
    folders = {"data": data, "other": other, "peers": peers}
    for key, folder in folders.items():
        if folder is not None and not folder.is_dir():
            what = f"{folder.name} is a file, no folder." if folder.exists() else f"There is no folder {folder.name}."
            raise UserError(what, f"Give the folder of --{key}.")
    if "data" in entry.takes and data is None:
        raise UserError(f"The study {name} measures against real data.", "Give their folder with --data.")
    paths: dict[str, Any] = {key: str(folder.resolve()) for key, folder in folders.items()
                             if folder is not None and key in entry.takes}
    if "recipe" in entry.takes:
        chosen = _recipe(found, recipe)
        if data is not None:
            check_data(data, read_layout(chosen))
        paths["recipe"] = str(chosen.resolve())
        if "encoder" in entry.takes:
            paths["encoder"] = _encoder(encoder, cells=read_layout(chosen).get("masks") == "cell-parts")
    if any((place / MANIFEST).exists() for place in (out.resolve(), *out.resolve().parents)):
        raise UserError(f"The folder {out.name} lies inside a pack.", "Give another folder for the report.")
    if (out / f"{name}.json").exists():
        raise UserError(f"The folder {out.name} holds a report of this study already.", "Name another one with --out.",
                        safe="It is as it was.")
    if record:
        _require_card(found)
    make_folder(out)
    kept = cache or platformdirs.user_cache_path("medsynth", appauthor=False) / "studies"
    make_folder(kept)
    require_room((out, 0), (kept, 0))
    return StudyRequest(study=name, pack=str(found.folder.resolve()), pack_sha256=found.manifest.sha256,
                        out=str(out.resolve()), cache=str(kept.resolve()), record=record, device=device,
                        **{**paths, **given})


def study(queue: JobQueue, request: StudyRequest, person: str = "") -> Changes:
    """Queue a study."""
    return Changes(jobs=(queue.submit(request, person=person),))


def _entry(name: str) -> StudyEntry:
    for entry in STUDIES:
        if entry.name == name:
            return entry
    raise UserError(f"There is no study {name!r}.", f"Known are: {', '.join(entry.name for entry in STUDIES)}.")


def _check(entry: StudyEntry, given: dict[str, Any]) -> None:
    for key, value in given.items():
        values = value if isinstance(value, tuple) else (value,)
        option, least, most = key.replace("_", "-"), LEAST[key], MOST.get(key, LARGEST)
        if not values or not all(least <= each <= most for each in values):  # no number at all is in no range
            raise UserError(f"--{option} is out of range for the study {entry.name}.", f"Give {least} to {most}.")
    if entry.name == "quality" and 0 < given.get("n", 0) < FEWEST:
        raise UserError(f"{given['n']} pictures are too few: a Frechet distance needs at least {FEWEST}.",
                        f"Ask for {FEWEST} or more; 0 takes as many as the test part has, at most 800.")


def _recipe(pack: InstalledPack, recipe: Path | None) -> Path:
    """The recipe that a pack was trained by: the named one, else the shipped one of the pack's name."""
    if recipe is not None:
        domain, name = domain_of(recipe)
        if domain != pack.manifest.domain and name != pack.manifest.name:
            raise UserError(f"The recipe {recipe.name} is for {domain}, the pack for {pack.manifest.domain}.",
                            "Name the recipe that the pack was trained by with --recipe.")
        return recipe
    for shipped in shipped_recipes():
        if shipped.stem == pack.manifest.name:
            return shipped
    raise UserError(f"No recipe of the pack {pack.manifest.name} comes with the program.",
                    "Name the one that it was trained by with --recipe.")


def _require_card(pack: InstalledPack) -> None:
    """Hours of measuring must not end in a card that cannot be written."""
    try:
        make_folder(pack.folder)
    except UserError as error:
        raise UserError(f"Figures cannot be recorded in the pack {pack.manifest.name}: its folder is read-only.",
                        "Leave --record away, or change the rights of the folder.", details=error.happened) from error


def _encoder(named: str | None, cells: bool) -> str:
    """Folder of the encoder that compares pictures; "" where the judge's own deepest layer does."""
    if named is not None:
        return str(find_pack(named, kind="encoder").folder.resolve())
    shipped = [pack for pack in list_packs(kind="encoder") if pack.manifest.name == DEFAULT_ENCODER]
    return str(shipped[-1].folder.resolve()) if cells and shipped else ""
