"""Does a picture follow the mask asked for? Judged by a segmenter of real pictures; cells by our separation."""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from medsynth_app.core.pack_files import read_manifest
from medsynth_app.evaluation.intervals import Spread, bootstrap
from medsynth_app.evaluation.overlap import dice
from medsynth_app.segmentation.cell_parts import CYTOPLASM, NUCLEUS, cell_parts
from tests.benchmarks.packs import reporting
from tests.benchmarks.packs.data import (
    Domain,
    Item,
    Pictures,
    chosen,
    load_domain,
    read_masks,
    read_pictures,
    recipe_of,
)
from tests.benchmarks.packs.drawing import Wish, draw
from tests.benchmarks.packs.judges import judge_of, mean_dice, resized_masks
from tests.benchmarks.packs.pictures import coloured, sheet
from tests.benchmarks.packs.reporting import Findings

LINE = "control: pictures drawn after held-out masks; is the mask found in them again?"
SHOWN = 20
Find = Callable[[Pictures], Pictures]


def study(options: argparse.Namespace) -> Findings:
    """Dice of what is found with what was asked, against the finder's Dice on the real pictures of these masks."""
    manifest = read_manifest(options.pack)
    domain = load_domain(recipe_of(manifest, options.recipe))
    items = chosen(domain.with_masks("test"), options.n or 100, options.seed)
    native = domain.recipe.pack.native_size
    masks, real = read_masks(items, native), read_pictures(items, native)
    kept = masks.any((1, 2))  # a speck may be lost at another size
    items, masks, real = [item for item, keep in zip(items, kept, strict=True) if keep], masks[kept], real[kept]
    drawn = draw(options.pack, [Wish(item.caption, options.seed + k, mask)
                                for k, (item, mask) in enumerate(zip(items, masks, strict=True))])
    findings = Findings(notes=[f"{len(items)} masks of the test part, one picture of each, seeds {options.seed} to "
                               f"{options.seed + len(items) - 1}; {int((~kept).sum())} masks were lost at {native} px"])
    finder, find = _finder(domain, items, options, findings)
    found = find(drawn)
    wanted = resized_masks(masks, found.shape[1])
    _add(findings, domain, finder, found, (wanted, find(real)), options.seed)
    rows = [(coloured(masks[k]), drawn[k], coloured(found[k]), real[k]) for k in range(min(SHOWN, len(items)))]
    findings.pictures.append(sheet(rows, [item.caption for item in items[:SHOWN]],
                                   "mask asked | SYNTHETIC | mask found | the mask's own picture (real)",
                                   domain.name, "control.jpg"))
    return findings


def _finder(domain: Domain, items: list[Item], options: argparse.Namespace, findings: Findings) -> tuple[str, Find]:
    if not domain.cells:
        judge = judge_of(domain, options.judge_minutes)
        findings.notes.append(judge.words)
        return "a segmenter of real pictures", judge.finds
    bare = domain.recipe.data.get("without_nucleus", [])

    def separated(pictures: Pictures) -> Pictures:
        found = np.stack([cell_parts(picture) for picture in pictures])
        for mask, item in zip(found, items, strict=True):
            if item.label in bare:  # granules, which the frozen masks count as cytoplasm too
                mask[mask == NUCLEUS] = CYTOPLASM
        return found

    findings.notes.append("the masks of cells come from our separation itself, so it finds them again in "
                          "their own real pictures; how far it agrees with experts says the study cell_parts")
    return "our separation of cells", separated


def _add(findings: Findings, domain: Domain, finder: str, found: Pictures, truth: tuple[Pictures, Pictures],
         seed: int) -> None:
    wanted, found_in_real = truth
    keep = wanted.any((1, 2))
    wanted, found, found_in_real = wanted[keep], found[keep], found_in_real[keep]
    drawn, real = mean_dice(found, wanted), mean_dice(found_in_real, wanted)
    chance = mean_dice(np.roll(found, 1, axis=0), wanted)
    n = f"{len(wanted)} masks"
    findings.add(f"Dice of the asked mask with what {finder} finds (floor: with the mask of another picture)",
                 lambda: (_spread(drawn, seed), f"{chance.mean():.2f}"), n=n)
    findings.add("the same in the real pictures of these masks", lambda: (_spread(real, seed), ""), n=n)
    findings.add("drawn over real", lambda: (_ratio(drawn, real, seed), ""), target="at least 0.80", n=n)
    for label, name in enumerate(domain.mask_labels, 1):
        scores = [dice(one, other, [label])[label]
                  for one, other in zip(found, wanted, strict=True) if (other == label).any()]
        if len(domain.mask_labels) > 1:
            findings.add(f"Dice of {name}", lambda scores=scores: (_spread(scores, seed), ""),  # type: ignore[misc]
                         n=f"{len(scores)} masks")


def _spread(scores: npt.ArrayLike, seed: int) -> Spread:
    return bootstrap(scores, np.random.default_rng(seed))


def _ratio(drawn: npt.NDArray[np.float64], real: npt.NDArray[np.float64], seed: int) -> Spread:
    if not real.any():
        raise ValueError("nothing is found in the real pictures")
    return bootstrap(np.stack([drawn, real], 1), np.random.default_rng(seed),
                     lambda rows: rows[:, 0].mean() / max(rows[:, 1].mean(), 1e-9))


def main(arguments: list[str] | None = None) -> int:
    return reporting.run("control", reporting.parser_of("control", __doc__, "100"), study, arguments)


if __name__ == "__main__":
    raise SystemExit(main())
