"""The main job on held-out real pictures: remove, put in, replace; and does the edge of the filled region show?

Every picture is brought to the median size of the test pictures and filled as in the window. A person paints a little
over the rim: by a 64th of the picture's edge, at least one pixel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from medsynth_app.core.blend import seam_measure
from medsynth_app.core.jobs.study import StudyRequest
from medsynth_app.datasets.items import Item, read_labels, read_pictures
from medsynth_app.evaluation.intervals import bootstrap, wilson
from medsynth_app.evaluation.overlap import area_change
from medsynth_app.evaluation.seam import reference_seams
from medsynth_app.studies.bench import Bench, Fill, Mask
from medsynth_app.studies.domain import Domain, Pictures, chosen
from medsynth_app.studies.findings import Findings, sheet
from medsynth_app.studies.pictures import resized, resized_masks
from medsynth_app.studies.places import brush_of, brushed, plain_place
from medsynth_app.studies.restored import CLASSICAL, add_restored, classical, filled_by, grain_beside

REFERENCES, SHOWN = 100, 20
GONE, FOUND_SHARE = 0.8, 0.5
PLAIN = {"polyp": "plain mucosa"}  # what there is where the object is not; others: "plain surroundings"


@dataclass
class Trials:
    """Regions of real pictures, filled: `frames` and `after` (n, s, s, 3) uint8, `painted` and `changed` (n, s, s)."""

    name: str
    items: Sequence[Item]
    painted: list[Mask]
    fills: list[Fill] = field(default_factory=list)
    frames: Pictures = field(default_factory=lambda: np.empty(0, np.uint8))
    after: Pictures = field(default_factory=lambda: np.empty(0, np.uint8))
    changed: list[Mask] = field(default_factory=list)

    def work(self, bench: Bench, request: StudyRequest, prompts: list[str], mode: str, frames: Pictures, grey: bool,
             labels: list[Pictures] | None = None) -> Trials:
        self.frames = frames
        classes: Sequence[Pictures | None] = labels or [None] * len(frames)
        self.fills = [Fill(frame[..., 0] if grey else frame, painted, prompt, request.seed + k, mode, held)
                      for k, (frame, painted, prompt, held) in enumerate(zip(frames, self.painted, prompts, classes,
                                                                             strict=True))]
        after, self.changed = bench.fill(self.fills)
        self.after = np.stack([np.repeat(each[..., None], 3, 2) if each.ndim == 2 else each for each in after])
        return self


def inpaint(bench: Bench, request: StudyRequest) -> Findings:
    """All figures of one pack; what is filled follows from its data: cells, grey slices, objects, or none of these."""
    domain = bench.domain
    items = chosen(domain.to_fill("test"), request.n or 100, request.seed)
    size = int(np.median([item.edge for item in items]))
    judged = bench.judge().words if domain.masked else "the data have no masks: nothing is removed or replaced, only " \
        "regions whose truth is known are filled"
    findings = Findings(notes=[judged, f"pictures of {size} px, painted {brush_of(size)} px over the rim; seeds "
                                            f"from {request.seed}; the window's default parameters"])
    works = [] if not domain.masked else [replace_cells] if domain.cells else [redraw_tissue] if domain.grey else [
        remove_objects, remove_without_model, put_in_objects]
    for work in works:
        trials = work(findings, bench, items, read_pictures(items, size), request)
        _add_seam(findings, trials, domain, size, request.seed)
        _show(findings, trials)
    add_restored(findings, bench, items, read_pictures(items, size), request)
    return findings


def remove_objects(findings: Findings, bench: Bench, items: Sequence[Item], frames: Pictures,
                   request: StudyRequest) -> Trials:
    trials = _removal(bench, items, frames)
    trials.work(bench, request, [""] * len(items), "remove", frames, grey=False)
    _add_gone(findings, bench, trials, request.seed)
    return trials


def remove_without_model(findings: Findings, bench: Bench, items: Sequence[Item], frames: Pictures,
                         request: StudyRequest) -> Trials:
    """The same by the fill that a pack has to be better than."""
    trials = _removal(bench, items, frames, f" by {CLASSICAL}")
    trials.frames, trials.changed = frames, trials.painted
    trials.fills = [Fill(frame, painted, "", request.seed + k, "remove")
                    for k, (frame, painted) in enumerate(zip(frames, trials.painted, strict=True))]
    trials.after = np.stack(filled_by(classical, trials.fills))
    _add_gone(findings, bench, trials, request.seed)
    return trials


def _removal(bench: Bench, items: Sequence[Item], frames: Pictures, by: str = "") -> Trials:
    masks = read_labels(items, frames.shape[1]) > 0
    return Trials(f"remove a {bench.domain.mask_labels[0]}{by}", items, [brushed(mask) for mask in masks])


def _add_gone(findings: Findings, bench: Bench, trials: Trials, seed: int) -> None:
    """How much of what a segmenter of real pictures saw it sees no longer."""
    judge, noun, items = bench.judge(), bench.domain.mask_labels[0], trials.items
    masks = read_labels(items, trials.frames.shape[1]) > 0
    before, after = judge.finds(trials.frames), judge.finds(trials.after)
    inside = resized_masks(masks.astype(np.uint8), judge.size) > 0
    seen = [k for k in range(len(items)) if (before[k] > 0)[inside[k]].any()]
    falls = np.array([-area_change(before[k], after[k], inside[k]) for k in seen])
    n = f"{len(seen)} {noun}s that the segmenter saw, of {len(items)}"
    areas = np.array([[(side[k] > 0)[inside[k]].sum() for side in (before, after)] for k in seen], np.float64)
    rng = np.random.default_rng(seed)
    findings.add(f"{trials.name}: fall of the found area inside the mask, all together",
                 lambda: (bootstrap(areas, rng, lambda rows: 1 - rows[:, 1].sum() / rows[:, 0].sum()), ""),
                 target=f"at least {GONE}", n=n)
    findings.add(f"{trials.name}: share of {noun}s whose area falls by at least {GONE}",
                 lambda: (wilson(int((falls >= GONE).sum()), len(falls)), ""), n=n)


def put_in_objects(findings: Findings, bench: Bench, items: Sequence[Item], frames: Pictures,
                   request: StudyRequest) -> Trials:
    judge, noun = bench.judge(), bench.domain.mask_labels[0]
    plain = PLAIN.get(noun, "plain surroundings")
    masks = read_labels(items, frames.shape[1]) > 0
    places = [plain_place(frame, mask, np.random.default_rng((request.seed, k)))
              for k, (frame, mask) in enumerate(zip(frames, masks, strict=True))]
    kept = [k for k, place in enumerate(places) if place is not None]
    findings.notes.append(f"{len(items) - len(kept)} of {len(items)} pictures have no {plain} wide enough")
    trials = Trials(f"put in a {noun}", [items[k] for k in kept], [place for place in places if place is not None])
    prompts = [bench.domain.default_prompt] * len(kept)
    trials.work(bench, request, prompts, "replace", frames[kept], grey=False,
                labels=[painted.astype(np.uint8) for painted in trials.painted])
    inside = resized_masks(np.array(trials.painted, np.uint8), judge.size) > 0
    shares = [np.array([(found > 0)[where].mean() for found, where in zip(judge.finds(pictures), inside, strict=True)])
              for pictures in (trials.after, trials.frames)]
    drawn, untouched = (wilson(int((share >= FOUND_SHARE).sum()), len(share)) for share in shares)
    findings.add(f"{plain} replaced by a {noun}: one is found on at least {FOUND_SHARE} of the painted region "
                 "(floor: there before)", drawn, untouched, "at least 0.6", f"{len(kept)} regions")
    return trials


def replace_cells(findings: Findings, bench: Bench, items: Sequence[Item], frames: Pictures,
                  request: StudyRequest) -> Trials:
    domain, judge = bench.domain, bench.judge()
    rng = np.random.default_rng(request.seed)
    captions = {item.label: item.caption for item in domain.items}
    wanted = [str(rng.choice([name for name in domain.classes if name != item.label])) for item in items]
    radii = _usual_radii(domain, frames.shape[1], request.seed)
    masks = read_labels(items, frames.shape[1]) > 0
    painted = [brushed(mask | _disc(mask, radii[name])) for mask, name in zip(masks, wanted, strict=True)]
    trials = Trials("replace a cell", items, painted)
    trials.work(bench, request, [captions[name] for name in wanted], "replace", frames, grey=False)
    named, before = judge.names(trials.after), judge.names(frames)
    asked = np.array(wanted)
    findings.notes.append("a cell is painted over together with a disc of the usual size of the class that replaces it")
    findings.add("a cell replaced by another class: the classifier names the asked one (floor: before)",
                 wilson(int((named == asked).sum()), len(asked)), wilson(int((before == asked).sum()), len(asked)),
                 "at least 0.7", f"{len(asked)} cells")
    each = {name: (named == asked)[asked == name] for name in domain.classes}
    findings.add("the same for each asked class",
                 ", ".join(f"{name} {hits.mean():.2f}" for name, hits in each.items() if len(hits)),
                 n=" ".join(str(len(hits)) for hits in each.values() if len(hits)))
    return trials


def redraw_tissue(findings: Findings, bench: Bench, items: Sequence[Item], frames: Pictures,
                  request: StudyRequest) -> Trials:
    domain = bench.domain
    noun = domain.mask_labels[0].split()[-1]  # anterior and posterior hippocampus: the hippocampus
    size = frames.shape[1]
    labels = read_labels(items, size)
    masks = labels > 0
    trials = Trials(f"redraw the {noun}", items, [brushed(mask) for mask in masks])
    trials.work(bench, request, [item.caption for item in items], "replace", frames, grey=True,
                labels=[_nearest(each) * painted for each, painted in zip(labels, trials.painted, strict=True)])
    others = [item for item in domain.with_masks("test") if item not in set(items)] or items
    reference = _tissue(read_pictures(others, size), read_labels(others, size) > 0)
    low, high = np.quantile(reference, [0.05, 0.95], axis=0)
    drawn, before = _tissue(trials.after, masks), _tissue(frames, masks)
    n = f"{len(items)} slices; range from {len(others)} others of the test part"
    for place, name in enumerate(("mean", "spread")):
        findings.add(f"{noun} redrawn: {name} of the tissue in grey levels (floor: 5 to 95 % of real ones)",
                     bootstrap(drawn[:, place], np.random.default_rng(request.seed)) if len(drawn) > 1 else
                     "not measured: one slice has no interval", f"{low[place]:.1f} to {high[place]:.1f}",
                     "in that range", n)
    inside, usual = (((side >= low) & (side <= high)).all(1) for side in (drawn, before))
    findings.add("share of slices with both in that range (floor: before)", wilson(int(inside.sum()), len(inside)),
                 wilson(int(usual.sum()), len(usual)), n=n)
    return trials


def _nearest(labels: Pictures) -> Pictures:
    """Every pixel with the label that lies nearest to it."""
    rows, columns = ndimage.distance_transform_edt(labels == 0, return_distances=False, return_indices=True)
    nearest: Pictures = labels[rows, columns]
    return nearest


def _disc(mask: Mask, radius: float) -> Mask:
    """A disc round the middle of a mask."""
    row, column = ndimage.center_of_mass(mask)
    rows, columns = np.ogrid[:mask.shape[0], :mask.shape[1]]
    disc: Mask = (rows - row) ** 2 + (columns - column) ** 2 <= radius**2
    return disc


def _usual_radii(domain: Domain, size: int, seed: int) -> dict[str, float]:
    """Radius in pixels of the disc of the median area of each class, from training masks."""
    train = domain.part("train")
    radii = {}
    for name in domain.classes:
        some = chosen([item for item in train if item.label == name and item.mask], 60, seed)
        areas = (read_labels(some, size) > 0).sum((1, 2))
        radii[name] = float(np.sqrt(np.median(areas[areas > 0]) / np.pi)) if areas.any() else 0.0
    return radii


def _tissue(pictures: Pictures, masks: Mask) -> npt.NDArray[np.float64]:
    """Mean and spread of the grey levels inside each mask, shape (n, 2)."""
    values = [picture[..., 0][mask].astype(np.float64) for picture, mask in zip(pictures, masks, strict=True)]
    return np.array([(each.mean(), each.std()) for each in values])


def _add_seam(findings: Findings, trials: Trials, domain: Domain, size: int, seed: int) -> None:
    """Each seam, and the grain inside of it, against the same contour on untouched pictures of the test part.

    A contour drawn along an object lies on a real edge: so the same is told of the picture before it was filled. A blur
    has no seam, but no grain either.
    """
    untouched = read_pictures(chosen(domain.part("test"), REFERENCES, seed + 1), size)
    grey = trials.fills[0].frame.ndim == 2 if trials.fills else False
    references = [picture[..., 0] if grey else picture for picture in untouched]
    kept = [k for k, changed in enumerate(trials.changed) if changed.any() and not changed.all()]
    after, before = (np.array([seam_measure(pictures[k][..., 0] if grey else pictures[k], trials.changed[k])
                               for k in kept]) for pictures in (trials.after, trials.frames))

    def within() -> tuple[object, object]:
        bounds = np.quantile(reference_seams(references, [trials.changed[k] for k in kept]), 0.95, axis=1)
        drawn, untouched = (wilson(int((seams <= bounds).sum()), len(seams)) for seams in (after, before))
        return drawn, f"{untouched} before; 0.95 by chance"

    def grained() -> tuple[object, object]:
        usual = np.array([[grain_beside(each, trials.changed[k]) for each in references] for k in kept])
        low, high = np.quantile(usual, (0.05, 0.95), axis=1)
        sides = [np.array([grain_beside(pictures[k][..., 0] if grey else pictures[k], trials.changed[k]) for k in kept])
                 for pictures in (trials.after, trials.frames)]
        drawn, before = (wilson(int(((side >= low) & (side <= high)).sum()), len(side)) for side in sides)
        return drawn, f"{before} before; 0.90 by chance"

    n = f"{len(kept)} seams, {len(references)} untouched pictures"
    findings.add(f"{trials.name}: grain inside over grain around, within 5 to 95 % of the same region on untouched "
                 "pictures", grained, n=n)
    findings.add(f"{trials.name}: seams within the 95th percentile of the same contour on untouched pictures",
                 within, target="all of them", n=n)


def _show(findings: Findings, trials: Trials) -> None:
    """The first 20: the order of all trials is already that of the seed."""
    rows, captions = [], []
    for k in range(min(SHOWN, len(trials.fills))):
        edge = (trials.painted[k] & ~ndimage.binary_erosion(trials.painted[k], iterations=2))[..., None]
        marked = np.where(edge, np.array([213, 94, 0], np.uint8), trials.frames[k])
        rows.append([resized(each[None], 112)[0] for each in (trials.frames[k], marked, trials.after[k])])
        captions.append(trials.fills[k].prompt or "remove")
    if rows:
        findings.sheets.append(sheet(rows, captions, f"{trials.name}: before (real) | painted | SYNTHETIC inside",
                                     f"inpaint-{trials.name.replace(' ', '-')}.jpg"))

