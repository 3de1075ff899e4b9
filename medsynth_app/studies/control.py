"""Does a picture follow the mask asked for? Judged by a segmenter of real pictures; cells by our separation."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from medsynth_app.core.errors import UserError
from medsynth_app.core.jobs.study import StudyRequest
from medsynth_app.datasets.items import Item, read_labels, read_pictures
from medsynth_app.evaluation.intervals import Spread, bootstrap
from medsynth_app.evaluation.overlap import dice
from medsynth_app.segmentation.cell_parts import CYTOPLASM, NUCLEUS, cell_parts
from medsynth_app.studies.bench import Bench, Wish
from medsynth_app.studies.domain import Domain, Pictures, chosen
from medsynth_app.studies.findings import Findings, coloured, sheet
from medsynth_app.studies.pictures import mean_dice, resized_masks

SHOWN = 20
Find = Callable[[Pictures], Pictures]


def control(bench: Bench, request: StudyRequest) -> Findings:
    """Dice of what is found with what was asked, against the finder's Dice on the real pictures of these masks."""
    if not bench.manifest.draws_from_masks:
        raise UserError(f"The pack {bench.manifest.name} has no ControlNet for masks, so there is nothing to follow.",
                        "Train one with `medsynth train control`, or choose another pack.")
    domain = bench.domain
    items, masks, real, lost = _with_something(chosen(domain.with_masks("test"), request.n or 100, request.seed),
                                               domain.native_size)
    drawn = _drawn(bench, items, masks, request.seed)
    findings = Findings(notes=[f"{len(items)} masks of the test part, one picture of each, seeds {request.seed} to "
                               f"{request.seed + len(items) - 1}; {lost} masks were lost at {domain.native_size} px"])
    finder, find, words = _finder(bench, items)
    findings.notes.append(words)
    found = find(drawn)
    wanted = resized_masks(masks, found.shape[1])
    _add(findings, domain, finder, found, (wanted, find(real)), request.seed)
    rows = [(coloured(masks[k]), drawn[k], coloured(found[k]), real[k]) for k in range(min(SHOWN, len(items)))]
    findings.sheets.append(sheet(rows, [item.caption for item in items[:SHOWN]],
                                 "mask asked | SYNTHETIC | mask found | the mask's own picture (real)", "control.jpg"))
    return findings


def add_agreement(findings: Findings, bench: Bench, items: Sequence[Item], seed: int, steps: int, before: str) -> None:
    """One row: the Dice of what is found in pictures drawn in so many steps with the masks that were asked for."""
    items, masks, _, _ = _with_something(items, bench.domain.native_size)
    finder, find, _ = _finder(bench, items)
    found = find(_drawn(bench, items, masks, seed, steps))
    wanted = resized_masks(masks, found.shape[1])
    keep = wanted.any((1, 2))
    findings.add(f"{before}Dice of the asked mask with what {finder} finds",
                 _spread(mean_dice(found[keep], wanted[keep]), seed), n=f"{int(keep.sum())} masks")


def _with_something(items: Sequence[Item], size: int) -> tuple[list[Item], Pictures, Pictures, int]:
    """Items whose mask still shows something at this size, masks, pictures, and how many were left out."""
    masks = read_labels(items, size)
    kept = np.array([mask.any() for mask in masks], np.bool_)  # a speck may be lost at another size
    left = [item for item, keep in zip(items, kept, strict=True) if keep]
    return left, masks[kept], read_pictures(left, size), int((~kept).sum())


def _drawn(bench: Bench, items: Sequence[Item], masks: Pictures, seed: int, steps: int = 0) -> Pictures:
    return bench.draw([Wish(item.caption, seed + k, mask)
                       for k, (item, mask) in enumerate(zip(items, masks, strict=True))], steps)


def _finder(bench: Bench, items: Sequence[Item]) -> tuple[str, Find, str]:
    """What finds the masks, in words and as a function, and what must be known of it."""
    domain = bench.domain
    if not domain.cells:
        judge = bench.judge()
        return "a segmenter of real pictures", judge.finds, judge.words

    def separated(pictures: Pictures) -> Pictures:
        found = np.stack([cell_parts(picture) for picture in pictures])
        for mask, item in zip(found, items, strict=True):
            if item.label in domain.without_nucleus:  # granules, which the frozen masks count as cytoplasm too
                mask[mask == NUCLEUS] = CYTOPLASM
        return found

    return "our separation of cells", separated, ("the masks of cells come from our separation itself, so it finds "
                                                  "them again in their own real pictures; how far it agrees with "
                                                  "experts says the study cell-parts")


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
