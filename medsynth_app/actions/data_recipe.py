"""A recipe for data of one's own: commented, and ready to run."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from medsynth_app.core.errors import UserError
from medsynth_app.core.files import writing
from medsynth_app.datasets.listing import CELLS, PAIRS, PICTURES, VOLUMES, Entry, Listing, listed
from medsynth_app.datasets.picture import opened
from medsynth_app.datasets.recognised import recognise

LOOKED_AT = 8  # files from which colour, modality and size are known
SMALL, USUAL = 64, 128  # px at which packs draw
PROMPTS = 8  # rows of samples
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.-]{0,59}")

HEAD = """\
# A recipe for {name}. Every key is told in resources/recipes/README.md; those left out have the defaults told there.
# What the data are called stands in a file dataset.toml in their folder, and goes from there into the pack:
#     name = "Dermatoscopy of ward 3, 2024"
#     licence = "internal use only"
#     citation = ""
# `medsynth train base THIS.toml --data DIR --out PACK --dry-run` tells what would be learned.

[pack]
name = {quoted}
version = "0.1.0"
domain = {quoted}  # packs of one domain can share their parts
title = {quoted}  # what the window calls it
modalities = {modalities}  # DICOM modalities of images that it may be used on: "SM", "ES", "XC", "CT", "MR", "CR" ...
colour = "{colour}"  # or "{other}"
native_size = {size}  # edge in pixels at which it draws
default_prompt = {prompt}
remove_prompt = {remove}  # what Remove draws, what is there when nothing is wrong; empty: the classical fill
grid_prompts = {prompts}  # a row of samples in the card for each
knows_not = ""  # what nobody should expect of it
known_failures = []  # what it does wrong, in sentences, once you have seen it
{labels}
[data]
layout = "{layout}"
{data}
[autoencoder]
widths = [32, 48, 64, 96]  # four widths halve a picture three times; three keep fine grain, and take twice as long
steps = 2000
batch = 16
crop = 64
learning_rate = 1e-3

[denoiser]
widths = [80, 128, 192]
text_width = 160
text_layers = 2
steps = 4000  # more is better; --max-minutes ends a run earlier, with a decayed learning rate
batch = 32
learning_rate = 6e-4
variants = 2
{more}
[training]
augment = [{turns}]  # of "hflip", "vflip", "rot90": turns that keep a picture true
seed = 0
"""
MEANT = "mask_labels = {names}  # what the values 1, 2 ... of masks mean\n"
OF_LAYOUT = {
    CELLS: """\
captions = ["{a} {class}", "a picture of {a} {class}"]  # {class} becomes the class, {a} its article
# class_names = { CLASS = "another name" }  # where captions should call a class otherwise
crops = [1.0, 0.8]  # shares of the edge that are seen
# include_synthetic = true  # learn from pictures that MedSynth drew, too
# intensity_ranges = { CT = [-1000, 400] }  # what is black and white, by modality
""",
    PICTURES: """\
captions = ["PROMPT"]  # what every picture shows
crops = [1.0, 0.8]  # shares of the edge that are seen
# intensity_ranges = { CT = [-1000, 400] }  # what is black and white, by modality
""",
    PAIRS: """\
captions = ["PROMPT"]  # what a crop with the object shows
background_captions = ["REMOVE"]  # what one without it shows
crops = [0.85, 0.65]  # beside the whole picture: squares of these shares of its shorter edge
background_crops = 3  # crops without the object, of every picture
background_share = 0.45
# burned_in_text = ", with burned-in text"  # added to captions of crops that show text
""",
    VOLUMES: """\
captions = ["{plane} slice of {content}", "{content}, {plane} plane"]
labels = LABELS  # what the values of the labels mean
both = "several labels"  # what a slice with more than one of them shows
background_content = "background"  # what a slice without any shows
every = 2  # every how many slices one is taken
"""}
MASKED = """
# What only masks need: `train masks` and `train control`.
[masks]
size = 64
widths = [32, 64, 96]
steps = 1000

[control]
steps = 1500
batch = 32
learning_rate = 3e-4
variants = 2
"""


@dataclass(frozen=True)
class _Look:
    """What some pictures are like."""

    colour: str = "rgb"
    modalities: tuple[str, ...] = ("OT",)
    edge: int = USUAL


def recipe_for(name: str, data: Path) -> str:
    """The text of a recipe named `name` for a data set, whose classes and kind of pictures it is fitted to.

    Raises
    ------
    UserError
        For a name that no pack could have, or data that nothing can be learned from.
    """
    if not NAME.fullmatch(name):
        raise UserError(f"{name!r} is no name for a pack.", "Use letters, digits, spaces, - and _; at most 60.")
    listing = listed(data, recognise(data).layout)
    seen = _look(listing.entries)
    classes = list(listing.counts)[:PROMPTS] if listing.layout == CELLS else []
    masked = listing.layout in (PAIRS, VOLUMES)
    labels = _label_names(listing)
    prompt, remove = _prompts(name, listing, classes, labels)
    prompts = [f"{'an' if each[:1] in 'aeiou' else 'a'} {each}" for each in classes] or \
        [text for text in (prompt, remove) if text]
    body = OF_LAYOUT[listing.layout].replace("PROMPT", prompt).replace("REMOVE", remove).replace(
        "CLASS", next((json.dumps(each) for each in classes), "class")).replace(
        "LABELS", "{ " + ", ".join(f"{value} = {_toml(text)}" for value, text in labels.items()) + " }")
    return HEAD.format(
        name=name, quoted=_toml(name), modalities=_toml(list(seen.modalities)), colour=seen.colour,
        other="grey" if seen.colour == "rgb" else "rgb", size=USUAL if seen.edge >= USUAL * 3 // 4 else SMALL,
        prompt=_toml(prompt), remove=_toml(remove), prompts=_toml(prompts),
        labels=MEANT.format(names=_toml(list(labels.values()))) if masked else "",
        layout=listing.layout, data=body, more=MASKED if masked else "",
        turns='"hflip", "vflip", "rot90"' if seen.modalities == ("OT",) and not masked else "")


def add_time(recipe: Path, told: str) -> None:
    """Write how long training takes (`data_words.time_of`) into the head of a recipe."""
    text = recipe.read_text(encoding="utf-8")
    with writing(recipe) as part:
        part.write_text(text.replace("\n\n[pack]", f"\n# Time: {told}.\n\n[pack]", 1), encoding="utf-8")


def write_recipe(name: str, data: Path, out: Path) -> None:
    """Write `recipe_for` to `out`; raises `UserError` where a file is there already."""
    text = recipe_for(name, data)
    if out.exists():
        raise UserError(f"There is a file {out.name} already.", "Give another name.", safe="It stays as it is.")
    with writing(out) as part:
        part.write_text(text, encoding="utf-8")


def _look(entries: Sequence[Entry]) -> _Look:
    colours, modalities, edges = set(), set(), []
    for place in np.linspace(0, len(entries) - 1, min(LOOKED_AT, len(entries))).round().astype(int):
        try:
            with opened(entries[place].file) as source:
                about = source.info.frames[0]
                colours.add(source.info.colour)
                modalities.add(source.info.modality or "OT")
                edges.append(min(about.rows, about.columns))
        except UserError:
            continue
    if not edges:
        return _Look()
    return _Look("grey" if colours == {"grey"} else "rgb", tuple(sorted(modalities)), int(np.median(edges)))


def _label_names(listing: Listing) -> dict[int, str]:
    if listing.layout != VOLUMES:
        return {1: "object"}
    from medsynth_app.formats.nifti import read_volume

    found: set[int] = set()
    for entry in listing.entries[:LOOKED_AT]:
        if entry.mask is not None and entry.mask.is_file():
            found.update(int(value) for value in np.unique(read_volume(entry.mask)) if 0 < value < 256)
    return {value: f"label {value}" for value in range(1, max(found, default=1) + 1)}


def _prompts(name: str, listing: Listing, classes: Sequence[str], labels: dict[int, str]) -> tuple[str, str]:
    """What is drawn by default, and what Remove draws ("" where the data do not show it)."""
    if listing.layout == PAIRS:
        return f"{name} with an object", f"{name} without an object"
    if listing.layout == VOLUMES:
        return f"axial slice of {next(iter(labels.values()))}", "axial slice of background"
    if classes:
        return f"{'an' if classes[0][:1] in 'aeiou' else 'a'} {classes[0]}", ""
    return f"a picture of {name}", ""


def _toml(value: object) -> str:
    """A text or a list of texts as TOML writes them, which JSON does likewise."""
    return json.dumps(value, ensure_ascii=False)
