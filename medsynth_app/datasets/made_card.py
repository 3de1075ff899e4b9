"""The card of a set that was made (README.md): what it is, what drew it, under which licence, and how it is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import medsynth_app
from medsynth_app.core.order import PARTS
from medsynth_app.datasets.made import MadeSet

_KNOWN_LICENCES = {"CC BY 4.0": "cc-by-4.0", "CC BY-SA 4.0": "cc-by-sa-4.0", "CC0-1.0": "cc0-1.0"}  # as hubs name them

HIDDEN = """
An invisible mark is hidden in every picture, by which `medsynth trace` finds it after it was saved as JPEG or made
smaller. A network may learn it all the same: do not train on these pictures to tell generated from real ones.
"""
READ_CLASSES = """\
```python
from torchvision.datasets import ImageFolder
pictures = ImageFolder("{root}")             # classes are the folders, by name{parts}

from datasets import load_dataset
pictures = load_dataset("imagefolder", data_dir=".")  # label, text (the prompt), seed, pack
```"""
READ_PAIRS = """\
```python
from datasets import load_dataset
pairs = load_dataset("imagefolder", data_dir=".")     # image and mask, label, text (the prompt), seed, pack

from pycocotools.coco import COCO
objects = COCO("{coco}")                     # its images lie in {images}{parts}
```
Masks are 8-bit PNG; label-map.json says what their values mean. In coco.json every connected piece of a label is an
object of its own, as run lengths, so that nothing of the mask is lost."""


def licence_of(made: MadeSet) -> str:
    """Of the pictures: what their models state; where there are several, all of it holds."""
    stated = [pack.licence for pack in made.packs.values()] + ["not stated"] * bool(made.unknown)
    return "; ".join(dict.fromkeys(stated)) or "not stated"


def card(made: MadeSet) -> str:
    """README.md, with the head that Hugging Face's hub reads."""
    licence = licence_of(made)
    pairs = any(picture.mask_file for picture in made.pictures)
    short = "" if len(made.pictures) == made.wanted else (
        f"\n**Not complete: {len(made.pictures)} of {made.wanted} pictures.** The same order goes on where it ended.\n")
    parts = [
        f"---\npretty_name: {made.name!r}\nlicense: {_KNOWN_LICENCES.get(licence, 'other')}\n"
        f"task_categories: [{'image-segmentation' if pairs else 'image-classification'}]\n"
        "tags: [synthetic, medical]\n---\n",
        f"# {made.name}\n\n**Every picture here is synthetic.** A model drew it; it shows no patient. Research use "
        f"only, not for diagnosis.\n{short}",
        "## What it holds\n", _counts(made),
        "## What drew it\n", _models(made),
        "## Prompts and seeds\n", _lines(made), _split(made),
        f"## Licence\n\n{licence}" + "".join(f"\n\n{pack.title}: {pack.licence_note}" for pack in made.packs.values()
                                           if pack.licence_note)
        + (f"\n\n{made.licence_note}" if made.licence_note else "") + "\n",
        "## Marks\n\nNo visible mark is drawn into these pictures, because a classifier would learn it. Each PNG holds "
        "its record (iTXt chunk `medsynth`: model, hash, prompt, seed, versions); this card and the names of the files "
        "(`SYN-`) say the same. Tools that write a picture anew often drop its record: keep this card with it.\n"
        + (HIDDEN if made.invisible_mark else ""),
        "## How it is read\n", _reading(made, pairs),
        f"\nlabels.csv lists file, class, split, seed, prompt and pack of every picture. MedSynth "
        f"{medsynth_app.__version__} made the set; `medsynth data inspect` shows it, and training leaves it out unless "
        "asked.\n",
    ]
    return "\n".join(parts)


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(str(cell).replace('|', '/') for cell in line)} |" for line in lines) + "\n"


def _counts(made: MadeSet) -> str:
    found = Counter((picture.class_name, picture.part) for picture in made.pictures)
    names = sorted({picture.class_name for picture in made.pictures})
    parts = [part for part in (*PARTS, "") if any(of == part for _, of in found)]
    if parts in ([], [""]):
        return _table(("class", "pictures"), [(name, found[name, ""]) for name in names])
    rows: list[Sequence[object]] = [(name, *(found[name, part] for part in parts),
                                     sum(found[name, part] for part in parts)) for name in names]
    return _table(("class", *parts, "all"), rows)


def _models(made: MadeSet) -> str:
    told = []
    for name, pack in made.packs.items():
        told.append(f"**{pack.title}** (`{name}` {pack.version}, sha256 `{pack.sha256}`), {pack.licence}. It learned "
                    "from:\n" + "".join(f"- {data.name} ({data.licence}); {data.citation}\n"
                                        for data in pack.training_data))
        if pack.known_failures or pack.knows_not:
            told.append("What it is known to do wrong:\n" + "".join(f"- {text}\n" for text in (
                *pack.known_failures, *([f"It knows {pack.knows_not}."] if pack.knows_not else []))))
    told += [f"`{name}`, sha256 `{sha256}`: it was not installed where this set was saved, so neither its licence nor "
             "its data are told here.\n" for name, sha256 in made.unknown.items()]
    return "\n".join(told)


def _lines(made: MadeSet) -> str:
    groups: dict[tuple[str, str, str, str], list[int]] = {}
    for picture in made.pictures:
        groups.setdefault((picture.class_name, picture.prompt, picture.pack, picture.settings), []).append(picture.seed)
    rows = [(name, prompt, pack, settings, f"{min(seeds)} to {max(seeds)}", len(seeds))
            for (name, prompt, pack, settings), seeds in groups.items()]
    head = f"The seed of the set is {made.seed}.\n\n" if made.seed is not None else ""
    return head + _table(("class", "prompt", "pack", "settings", "seeds", "pictures"), rows)


def _split(made: MadeSet) -> str:
    if not made.split:
        return "The set is not split.\n"
    shares = ", ".join(f"{part} {share:.0%}" for part, share in zip(PARTS, made.split, strict=True) if share)
    return (f"Split by seed, in every class alike: {shares}. Pictures that follow the same given mask lie in one part."
            "\n")


def _reading(made: MadeSet, pairs: bool) -> str:
    parts = [part for part in PARTS if any(picture.part == part for picture in made.pictures)]
    first = f"{parts[0]}/" if parts else ""
    more = f"; so are {', '.join(f'{part}/' for part in parts[1:])}" if parts[1:] else ""
    if pairs:
        return READ_PAIRS.format(coco=f"{first}coco.json", images=f"{first}images/", parts=more) + "\n"
    return READ_CLASSES.format(root=first or ".", parts=more) + "\n"
