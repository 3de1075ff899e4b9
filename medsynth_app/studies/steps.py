"""How many denoising steps does a pack need? The same seeds in several numbers of steps, judged alike.

The largest number is what the others are held against. Classes are named, and pictures compared, by networks that never
saw the product.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from medsynth_app.core.jobs.study import StudyRequest
from medsynth_app.datasets.items import Item, read_pictures
from medsynth_app.evaluation.intervals import bootstrap, wilson
from medsynth_app.evaluation.kid import kernel_distance
from medsynth_app.evaluation.neighbours import fitted_probe
from medsynth_app.studies.bench import Bench, Fill, Space, Wish
from medsynth_app.studies.control import add_agreement
from medsynth_app.studies.domain import Domain, Pictures, chosen
from medsynth_app.studies.fidelity import Compared, prompts_like
from medsynth_app.studies.findings import Findings, sheet
from medsynth_app.studies.pictures import as_files
from medsynth_app.studies.restored import Restored, wishes

PICTURES, REGIONS, MASKS, SHOWN = 96, 24, 24, 16
KNOWN, HELD = 100, 50  # pictures of each class that the probe learns from, and that drawn ones are held against


def steps(bench: Bench, request: StudyRequest) -> Findings:
    """All figures for every number of steps that was asked for."""
    counts, domain = sorted(set(request.counts)), bench.domain
    asked = prompts_like(domain.part("test"), request.n or PICTURES)
    drawn = {count: bench.draw([Wish(caption, request.seed + k) for k, (caption, _) in enumerate(asked)], count)
             for count in counts}
    spaces, notes = bench.outside()
    findings = Findings(notes=[*notes, f"the same {len(asked)} seeds, from {request.seed}, for every number of steps"])
    for space in spaces:
        add_pictures(findings, domain, space, drawn, np.array([label for _, label in asked]), request.seed)
    _add_regions(findings, bench, counts, request)
    if bench.manifest.draws_from_masks:
        items = chosen(domain.with_masks("test"), min(request.n or MASKS, MASKS), request.seed)
        for count in counts:
            add_agreement(findings, bench, items, request.seed, count, f"{count} steps: ")
    place = np.linspace(0, len(asked) - 1, min(SHOWN, len(asked))).astype(int)
    findings.sheets.append(sheet([[drawn[count][k] for count in counts] for k in place], [asked[k][0] for k in place],
                                 f"SYNTHETIC, the same seeds in {', '.join(map(str, counts))} steps", "steps.jpg",
                                 columns=2))
    return findings


def add_pictures(findings: Findings, domain: Domain, space: Space, drawn: dict[int, Pictures],
                 asked: npt.NDArray[np.str_], seed: int) -> None:
    """Classes named, distance from real ones, and distance from the same picture in the most steps."""
    held = _some(domain, "test", HELD, seed)
    real = space.of(as_files(read_pictures(held, domain.native_size))).astype(np.float64)
    seen = {count: space.of(as_files(pictures)).astype(np.float64) for count, pictures in drawn.items()}
    groups = np.array([item.group for item in held])
    classes = np.array([item.label for item in held]) if domain.classified else None
    n, most = f"{len(asked)} drawn", max(drawn)
    probe = None
    if domain.classified:
        known = _some(domain, "train", KNOWN, seed)
        probe = fitted_probe(space.of(as_files(read_pictures(known, domain.native_size))),
                             [item.label for item in known])
        right = int((probe(real) == classes).sum())
    apart = np.linalg.norm(seen[most] - np.roll(seen[most], 1, axis=0), axis=1).mean()
    for count, values in seen.items():
        if probe is not None:
            named = int((probe(values) == asked).sum())
            findings.add(f"{count} steps: asked class named by a probe on {space.name} (floor: its accuracy on real "
                         f"test {domain.noun})", wilson(named, len(asked)), wilson(right, len(real)), n=n)
        sets, rng = Compared(values, real, groups, seed, classes), np.random.default_rng(seed)
        findings.add(f"{count} steps: kernel distance (KID) on {space.name}",
                     lambda sets=sets, rng=rng: sets.against_floor(  # type: ignore[misc]
                         lambda a, b: kernel_distance(a, b, rng).mean), n=n)
        if count != most:
            near = np.linalg.norm(values - seen[most], axis=1) / apart
            findings.add(f"{count} steps: distance from the same seed in {most} steps, over that of another seed, on "
                         f"{space.name}", bootstrap(near, np.random.default_rng(seed)), n=n)


def _some(domain: Domain, split: str, each: int, seed: int) -> list[Item]:
    """So many pictures of each class."""
    items = domain.part(split)
    return [item for name in sorted({item.label for item in items})
            for item in chosen([one for one in items if one.label == name], each, seed)]


def _add_regions(findings: Findings, bench: Bench, counts: Sequence[int], request: StudyRequest) -> None:
    closeness = bench.closeness()
    if isinstance(closeness, str):
        return  # a note says already that there are no encoders
    domain = bench.domain
    items = chosen(domain.to_fill("test"), min(request.n or REGIONS, REGIONS), request.seed)
    size = int(np.median([item.edge for item in items]))
    fills: list[Fill] = wishes(domain, items, read_pictures(items, size), request.seed)
    if not fills:
        return
    restored = Restored([each.frame for each in fills], [each.painted for each in fills],
                        {str(count): bench.fill(fills, count)[0] for count in counts})
    distances, grain = restored.distances(closeness), restored.grain()
    for count in map(str, counts):
        findings.add(f"{count} steps: a region filled whose truth is known, distance of features on MobileNetV2",
                     bootstrap(distances[count], np.random.default_rng(request.seed)), n=f"{len(fills)} regions")
        findings.add(f"{count} steps: the grain of these fills over the truth's, median",
                     f"{np.median(grain[count]):.2f}", "1", n=f"{len(fills)} regions")
