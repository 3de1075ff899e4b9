"""Does a pack repeat its training pictures? Held against held-out ones, and against copies made on purpose.

A pack sees its training pictures in every crop and turn of its recipe, and draws through its autoencoder, which changes
texture: so training and held-out pictures go through it too, and every turn is looked at. How many copies made on
purpose are found says how much the figure can see.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from medsynth_app.datasets.items import read_pictures
from medsynth_app.evaluation.intervals import wilson
from medsynth_app.evaluation.memorisation import memorisation, nearest_training_image
from medsynth_app.studies.bench import Bench, Space
from medsynth_app.studies.domain import Pictures, orientations
from medsynth_app.studies.findings import Findings, sheet

COPIES = 200
DISTURBED = 0.1  # noise on the latents of a copy, whose spread is about 1: a denoiser does not hit them exactly


def add_memorisation(findings: Findings, bench: Bench, space: Space, pictures: Pictures, unseen: Pictures,
                     seed: int) -> None:
    """The share of suspicious pictures, the share of copies that it would find, the closest pairs."""
    domain = bench.domain
    seen = read_pictures(domain.learned, domain.native_size)

    def views(several: Pictures) -> npt.NDArray[np.float32]:
        return np.stack([space.of(np.ascontiguousarray(turned)) for turned in orientations(several, domain.augment)])

    drawn, train = views(pictures), space.of(bench.redrawn(seen))
    n = f"{len(pictures)} drawn, {len(seen)} crops of training, {len(unseen)} held out, {len(drawn)} turns"
    try:
        found = memorisation(drawn, train, views(bench.redrawn(unseen)))
    except ValueError as error:
        findings.add("nearer to a training picture than 99 % of held-out ones", f"not measured: {error}", n=n)
        return
    findings.add(f"nearer to a training picture than 99 % of held-out ones, on {space.name}",
                 wilson(found.count, len(pictures)), "0.01 by construction", "under 0.02", n)
    copies = views(copied(bench, seen, seed))
    caught = int((nearest_training_image(copies, train)[0] < found.threshold).sum())
    findings.add("copies of training pictures, turned and disturbed, that this finds", wilson(caught, copies.shape[1]),
                 n=f"{copies.shape[1]} copies")
    closest = found.closest(20)
    findings.add("distances of the five closest pairs (floor: that of the nearest 1 % of held-out pictures)",
                 ", ".join(f"{pair.distance:.3g}" for pair in closest[:5]), f"{found.threshold:.3g}")
    rows = [(pictures[pair.synthetic], seen[pair.train]) for pair in closest]
    findings.sheets.append(sheet(rows, [f"{pair.distance:.3g}, ratio {pair.ratio:.2f}" for pair in closest],
                                 "SYNTHETIC | nearest training picture (real)", "closest-pairs.jpg"))


def copied(bench: Bench, seen: Pictures, seed: int) -> Pictures:
    """What a pack that copies would draw: training pictures in a turn by chance, their latents a little disturbed."""
    rng = np.random.default_rng(seed)
    chosen = seen[rng.permutation(len(seen))[:COPIES]]
    turns = orientations(chosen, bench.domain.augment)
    turned = np.stack([turns[kind][k] for k, kind in enumerate(rng.integers(len(turns), size=len(chosen)))])
    return bench.redrawn(turned, DISTURBED, seed)
