"""The one training loop: steps, averaged weights, learning rates, validation, progress, checkpoints.

A stage says what learns (`Learner`) and how a batch becomes losses (`Losses`); everything else is here. Time or steps
end it, whichever comes first. A run that was stopped goes on where it ended: weights, optimisers, averages and the
states of all random generators come from the checkpoint.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers.optimization import get_scheduler
from diffusers.training_utils import EMAModel

from medsynth_app.core.errors import UserError
from medsynth_app.core.jobs.train import figures_words
from medsynth_app.engine.device import bfloat16_pays
from medsynth_app.engine.train.checkpoint import load_checkpoint, restoring, save_checkpoint
from medsynth_app.engine.train.supervision import Supervisor

Losses = Callable[[np.random.Generator, int], Iterator[tuple[torch.Tensor | None, float]]]
"""Draws a batch for a step, then yields for each learner in turn its loss and the value to show of it. A learner has
made its step before the next loss is asked for; one whose loss is None makes none. Runs under bfloat16 autocast where
that is faster."""

SILENCE = 10.0  # seconds after which a step is told of by itself


@dataclass(frozen=True)
class Learner:
    """A module and how it learns, by AdamW.

    Attributes
    ----------
    ema
        Decay of the average of its weights, which the module holds in the end; 0: its last weights count.
    clip
        Largest norm of its gradients.
    """

    module: torch.nn.Module
    learning_rate: float
    ema: float = 0.0
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 1e-2
    clip: float = 1.0


@dataclass(frozen=True)
class Plan:
    """How a stage runs.

    Attributes
    ----------
    stage
        What the supervisor is told.
    warm_up
        Steps in which the learning rate rises, a tenth of all at most; then it falls along half a cosine.
    report_every, save_every, evaluate_every
        In steps; 0: never.
    shown
        Words for the mean of the first learner's value since the last report.
    extends
        Whether a stage that is finished goes on where it is asked for more steps later: not where a later stage has
        been built on it.
    """

    stage: str
    steps: int
    seed: int
    warm_up: int = 50
    report_every: int = 50
    save_every: int = 200
    evaluate_every: int = 0
    shown: str = "loss {:.3f}"
    extends: bool = False


@dataclass
class History:
    """What a stage has done so far, over all its runs.

    Attributes
    ----------
    seconds
        Spent in steps.
    planned
        The steps that it was finished for; time may have ended it before.
    curve
        Rows of (step, mean value of the first learner since the row before).
    figures
        What each validation found, beside its step.
    """

    step: int = 0
    seconds: float = 0.0
    finished: bool = False
    planned: int = 0
    curve: list[list[float]] = field(default_factory=list)
    figures: list[dict[str, float]] = field(default_factory=list)


@dataclass(frozen=True)
class Hooks:
    """What a stage has done at certain moments.

    Attributes
    ----------
    on_step
        Called after every step with the steps done and the values of all learners.
    evaluate
        Called every `Plan.evaluate_every` steps, with averaged weights in place and without gradients; returns
        figures by name. What it draws by chance changes nothing.
    on_save
        Called with the path of every checkpoint, once it is written.
    finish
        Called once at the end, with averaged weights in place; what it changes in the modules is kept.
    """

    on_step: Callable[[int, list[float]], None] = lambda step, values: None
    evaluate: Callable[[], dict[str, float]] | None = None
    on_save: Callable[[Path], None] = lambda path: None
    finish: Callable[[], None] = lambda: None


def fit(plan: Plan, learners: Mapping[str, Learner], make_losses: Callable[[], Losses], device: torch.device,
        supervisor: Supervisor, path: Path | None = None, hooks: Hooks | None = None) -> History:
    """Train; afterwards the modules hold their averaged weights.

    Parameters
    ----------
    learners
        By name, in the order in which their losses come.
    make_losses
        Called once, and only where training is not finished yet.
    path
        The checkpoint: read where it is there, written every `Plan.save_every` steps, on a cancel and at the end. None
        keeps none.

    Raises
    ------
    UserError
        A checkpoint that does not fit, a loss that is no number, or time that was over before the first step.
    Cancelled
        When `supervisor` asked to stop; a checkpoint has been saved.
    """
    return _Loop(plan, {name: _Learning(learner) for name, learner in learners.items()}, device, supervisor, path,
                 hooks or Hooks()).run(make_losses)


def precision(device: torch.device) -> torch.autocast:
    """The context in which networks run: bfloat16 autocast where that is faster; emulated it can be forty times slower.
    """
    return torch.autocast(device.type, torch.bfloat16, enabled=bfloat16_pays(device.type))


class _Learning:
    """A learner with its optimiser and the average of its weights."""

    def __init__(self, learner: Learner) -> None:
        self.learner = learner
        self.weights = [weight for weight in learner.module.parameters() if weight.requires_grad]
        self.optimizer = torch.optim.AdamW(self.weights, lr=learner.learning_rate, betas=learner.betas,
                                           weight_decay=learner.weight_decay)
        self.average = EMAModel(self.weights, decay=learner.ema) if learner.ema else None

    def step(self, loss: torch.Tensor, rate: float) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = self.learner.learning_rate * rate
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.weights, self.learner.clip)
        self.optimizer.step()
        if self.average is not None:
            self.average.step(self.weights)

    def state(self) -> dict[str, Any]:
        average = self.average.state_dict() if self.average is not None else None
        return {"module": self.learner.module.state_dict(), "optimizer": self.optimizer.state_dict(),
                "average": average}

    def restore(self, state: dict[str, Any], device: torch.device) -> None:
        self.learner.module.load_state_dict(state["module"])
        if "optimizer" in state:
            self.optimizer.load_state_dict(state["optimizer"])
        if self.average is not None and state.get("average"):
            self.average.load_state_dict(state["average"])
            self.average.to(device)

    def take_average(self) -> None:
        if self.average is not None:
            self.average.copy_to(self.weights)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Averaged weights and evaluation mode, for a while."""
        training = self.learner.module.training
        if self.average is not None:
            self.average.store(self.weights)
        self.take_average()
        self.learner.module.eval()
        try:
            yield
        finally:
            if self.average is not None:
                self.average.restore(self.weights)
            self.learner.module.train(training)


class _Loop:
    def __init__(self, plan: Plan, learning: dict[str, _Learning], device: torch.device, supervisor: Supervisor,
                 path: Path | None, hooks: Hooks) -> None:
        self.plan, self.learning, self.device = plan, learning, device
        self.supervisor, self.path, self.hooks = supervisor, path, hooks
        self.history = History()
        self.rng = np.random.default_rng((plan.seed, 1))
        self.recent: list[float] = []
        self.told = time.monotonic()
        # A function of the step. The loop sets the rates itself: time may end a stage as well as steps.
        self.warm_up = min(plan.warm_up, plan.steps // 10)
        first = next(iter(learning.values())).optimizer
        self.rate = get_scheduler("cosine", first, num_warmup_steps=self.warm_up,
                                  num_training_steps=plan.steps + 1).lr_lambdas[0]

    def run(self, make_losses: Callable[[], Losses]) -> History:
        torch.manual_seed(self.plan.seed + 1)
        self._load()
        plan, history = self.plan, self.history
        if history.finished and not (plan.extends and plan.steps > max(history.planned, history.step)):
            return history
        history.finished = False
        losses = make_losses()
        for learning in self.learning.values():
            learning.learner.module.train()
        while (done := self.supervisor.fraction(plan.stage, history.step, plan.steps)) < 1:
            self.supervisor.stop_if_cancelled(self._save)
            begun = time.monotonic()
            values = self._step(losses, done)
            history.step += 1
            history.seconds += time.monotonic() - begun
            self.hooks.on_step(history.step, values)
            self._now_and_then()
        if not history.step:
            raise UserError("The time was over before the first step of training.", "Give it more minutes.")
        self._finish()
        return history

    def _step(self, losses: Losses, done: float) -> list[float]:
        step, values = self.history.step + 1, []
        rate = self.rate(step if step <= self.warm_up else max(step, round(done * self.plan.steps)))
        parts = losses(self.rng, self.history.step)
        for learning in self.learning.values():
            with precision(self.device):
                loss, value = next(parts)
            if loss is not None:
                learning.step(loss, rate)
            values.append(value)
        if not all(map(math.isfinite, values)):
            raise UserError("Training has gone astray: its loss is no number any more.",
                            "Lower learning_rate in the recipe, and begin anew.")
        self.recent.append(values[0])
        return values

    def _now_and_then(self) -> None:
        plan, history = self.plan, self.history
        if plan.evaluate_every and history.step % plan.evaluate_every == 0:
            self._evaluate()
        if plan.report_every and history.step % plan.report_every == 0:
            history.curve.append([history.step, sum(self.recent) / len(self.recent)])
            self.recent.clear()
            self._report(self._words())
            self.supervisor.measured(plan.stage, history.step, plan.steps, self._figures())
        elif plan.report_every and time.monotonic() >= self.told + SILENCE:  # a slow machine is not a dead one
            self._report(plan.shown.format(sum(self.recent) / len(self.recent)))
        if plan.save_every and history.step % plan.save_every == 0:
            self._save()

    def _report(self, words: str) -> None:
        self.told = time.monotonic()
        self.supervisor.report(self.plan.stage, self.history.step, self.plan.steps, words)

    def _figures(self) -> dict[str, float]:
        """What was found since the last report."""
        latest = self.history.figures[-1] if self.history.figures else {}
        before = self.history.curve[-2][0] if len(self.history.curve) > 1 else 0
        fresh = latest if latest.get("step", 0) > before else {}
        return {"loss": self.history.curve[-1][1], **{name: value for name, value in fresh.items() if name != "step"}}

    def _words(self) -> str:
        latest = self.history.figures[-1] if self.history.figures else {}
        found = figures_words({name: value for name, value in latest.items() if name != "step"})
        shown = self.plan.shown.format(self.history.curve[-1][1])
        return f"{shown}, {found}" if found else shown

    def _evaluate(self) -> None:
        if self.hooks.evaluate is None:
            return
        devices = [self.device] if self.device.type == "cuda" else []
        with ExitStack() as averaged, torch.random.fork_rng(devices), torch.no_grad():
            for learning in self.learning.values():
                averaged.enter_context(learning.averaged())
            figures = self.hooks.evaluate()
        self.history.figures.append({"step": self.history.step, **figures})

    def _finish(self) -> None:
        for learning in self.learning.values():
            learning.take_average()
        self.hooks.finish()
        self.history.finished, self.history.planned = True, self.plan.steps
        self._save()

    # -- checkpoints ---------------------------------------------------------------------------------------------

    def _save(self) -> None:
        """All that is needed to go on; of a stage that is finished for good its weights alone."""
        if self.path is None:
            return
        states = {name: learning.state() for name, learning in self.learning.items()}
        if self.history.finished and not self.plan.extends:
            states = {name: {"module": state["module"]} for name, state in states.items()}
        chance = {"numpy": self.rng.bit_generator.state, "torch": torch.get_rng_state(), "recent": self.recent}
        if self.device.type == "cuda":
            chance["cuda"] = torch.cuda.get_rng_state(self.device)
        save_checkpoint(self.path, {"state": asdict(self.history), "learners": states, "chance": chance})
        self.hooks.on_save(self.path)

    def _load(self) -> None:
        saved = load_checkpoint(self.path) if self.path is not None else {}
        if not saved or self.path is None:
            return
        with restoring(self.path):
            for name, learning in self.learning.items():
                learning.restore(saved["learners"][name], self.device)
            self.history = History(**saved["state"])
            self.rng.bit_generator.state = saved["chance"]["numpy"]
            torch.set_rng_state(saved["chance"]["torch"])
            if self.device.type == "cuda" and "cuda" in saved["chance"]:
                torch.cuda.set_rng_state(saved["chance"]["cuda"], self.device)
            self.recent = saved["chance"]["recent"]
