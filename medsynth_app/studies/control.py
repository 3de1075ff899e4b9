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
    items: Sequence[Item] = chosen(domain.with_masks("test"), request.n or 100, request.seed)
    native = domain.native_size
    masks, real = read_labels(items, native), read_pictures(items, native)
    kept = np.array([mask.any() for mask in masks])  # a speck may be lost at another size
    items, masks, real = [item for item, keep in zip(items, kept, strict=True) if keep], masks[kept], real[kept]
    drawn = bench.draw([Wish(item.caption, request.seed + k, mask)
                        for k, (item, mask) in enumerate(zip(items, masks, strict=True))])
    findings = Findings(notes=[f"{len(items)} masks of the test part, one picture of each, seeds {request.seed} to "
                               f"{request.seed + len(items) - 1}; {int((~kept).sum())} masks were lost at {native} px"])
    finder, find = _finder(bench, items, findings)
    found = find(drawn)
    wanted = resized_masks(masks, found.shape[1])
    _add(findings, domain, finder, found, (wanted, find(real)), request.seed)
    rows = [(coloured(masks[k]), drawn[k], coloured(found[k]), real[k]) for k in range(min(SHOWN, len(items)))]
    findings.sheets.append(sheet(rows, [item.caption for item in items[:SHOWN]],
                                 "mask asked | SYNTHETIC | mask found | the mask's own picture (real)", "control.jpg"))
    return findings


def _finder(bench: Bench, items: Sequence[Item], findings: Findings) -> tuple[str, Find]:
    domain = bench.domain
    if not domain.cells:
        judge = bench.judge()
        findings.notes.append(judge.words)
        return "a segmenter of real pictures", judge.finds

    def separated(pictures: Pictures) -> Pictures:
        found = np.stack([cell_parts(picture) for picture in pictures])
        for mask, item in zip(found, items, strict=True):
            if item.label in domain.without_nucleus:  # granules, which the frozen masks count as cytoplasm too
                mask[mask == NUCLEUS] = CYTOPLASM
        return found

    findings.notes.append("the masks of cells come from our separation itself, so it finds them again in "
                          "their own real pictures; how far it agrees with experts says the study cell-parts")
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
