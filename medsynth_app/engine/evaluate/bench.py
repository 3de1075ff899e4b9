"""The bench of `studies.bench`: one pack, its domain, and all that draws and judges, made when it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy.typing as npt

from medsynth_app.core.errors import UserError
from medsynth_app.core.jobs.study import StudyRequest
from medsynth_app.core.pack_files import read_manifest
from medsynth_app.engine.evaluate.autoencoder import Autoencoder
from medsynth_app.engine.evaluate.courses import NetworkCourse
from medsynth_app.engine.evaluate.data import load_domain
from medsynth_app.engine.evaluate.drawing import Drawing
from medsynth_app.engine.evaluate.judges import Judge, judge_of, judge_size
from medsynth_app.engine.evaluate.kept import Kept
from medsynth_app.engine.evaluate.mask_drawers import Drawer, shipped_drawer, trained_drawer
from medsynth_app.engine.evaluate.outside import closeness, outside_spaces, telea
from medsynth_app.engine.evaluate.progress import Progress
from medsynth_app.engine.evaluate.spaces import encoders_space, judges_space
from medsynth_app.engine.train.recipe import Recipe
from medsynth_app.studies.bench import Closeness, Fill, FillBy, Mask, Space, Wish
from medsynth_app.studies.domain import Pictures
from medsynth_app.studies.masks import SHIPPED
from medsynth_app.studies.utility import ARMS


class PackBench:
    """What a study asks for, of the pack, data and recipe that the request names."""

    def __init__(self, request: StudyRequest, progress: Progress) -> None:
        self._request, self._progress = request, progress
        self._pack, self._kept = Path(request.pack), Kept(Path(request.cache))
        self._recipe = Recipe.load(Path(request.recipe))
        self.manifest = read_manifest(self._pack)
        self.domain = load_domain(self._recipe, self.manifest, Path(request.data), self._kept.folder, progress)

    def judge(self) -> Judge:
        return self._judge

    @cached_property
    def _judge(self) -> Judge:
        return judge_of(self.domain, self._request.judge_minutes, self._kept.folder, self._progress)

    @property
    def judge_size(self) -> int:
        return judge_size(self.domain)

    def space(self) -> Space:
        if not self._request.encoder:
            return judges_space(self._judge)
        return encoders_space(Path(self._request.encoder), self._request.device, self._kept, self._progress)

    @cached_property
    def _drawing(self) -> Drawing:
        return Drawing(self._pack, self._kept, self._progress, self._request.device)

    def outside(self) -> tuple[list[Space], list[str]]:
        if not self._request.peers:
            return [], ["No encoders of others were given (--peers): nothing is compared by a network that never saw "
                        "the product."]
        return outside_spaces(Path(self._request.peers), self._kept, self._progress)

    def closeness(self) -> Closeness | str:
        if not self._request.peers:
            return "no encoders of others were given (--peers)."
        try:
            return closeness(Path(self._request.peers))
        except UserError as error:
            return f"{error.happened} {error.remedy}"

    def telea(self) -> FillBy | None:
        return telea(Path(self._request.peers)) if self._request.peers else None

    def draw(self, wishes: Sequence[Wish], steps: int = 0) -> Pictures:
        return self._drawing.draw(wishes, steps or self._request.drawing_steps)

    def draw_pairs(self, wishes: Sequence[Wish]) -> tuple[Pictures, Pictures]:
        return self._drawing.draw_pairs(wishes, self._request.drawing_steps)

    def fill(self, fills: Sequence[Fill], steps: int = 0) -> tuple[list[Pictures], list[Mask]]:
        return self._drawing.fill(fills, steps or self._request.drawing_steps)

    @cached_property
    def _autoencoder(self) -> Autoencoder:
        return Autoencoder(self._pack, self._progress)

    def redrawn(self, pictures: Pictures, disturbed: float = 0.0, seed: int = 0) -> Pictures:
        return self._autoencoder.redrawn(pictures, disturbed, seed)

    def mask_drawer(self, limit: int, minutes: float) -> Drawer:
        if limit == SHIPPED:
            return shipped_drawer(self._recipe, self.domain.frozen, self._pack, self._kept, self._progress)
        return trained_drawer(self._recipe, self.domain.frozen, self._pack, limit, minutes, self._kept, self._progress)

    def course(self, test: tuple[Pictures, npt.NDArray[Any]], minutes: float, steps: int) -> NetworkCourse:
        classified = self.domain.classified
        labels = len(self.domain.classes) if classified else len(self.domain.mask_labels) + 1
        kinds = len(self._request.per_class) if classified else 1
        trainings = len(ARMS) * self._request.seeds * kinds
        return NetworkCourse(labels, classified, test, minutes, steps, trainings, self._kept, self._progress)
