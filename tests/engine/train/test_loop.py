"""The one training loop, on a line that is learned from points."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch

from medsynth_app.core.errors import Cancelled, UserError
from medsynth_app.engine.train.loop import Hooks, Learner, Losses, Plan, fit
from medsynth_app.engine.train.supervision import Supervisor

CPU = torch.device("cpu")


def line(seed: int = 0) -> torch.nn.Linear:
    torch.manual_seed(seed)
    return torch.nn.Linear(2, 1)


def points(model: torch.nn.Module) -> Losses:
    """Both kinds of chance are used: a batch by NumPy, noise by torch."""
    def losses(rng: np.random.Generator, step: int) -> Iterator[tuple[torch.Tensor, float]]:
        x = torch.from_numpy(rng.normal(size=(8, 2))).float()
        y = x.sum(dim=1, keepdim=True) + 0.1 * torch.randn(8, 1)
        loss = (model(x).float() - y).pow(2).mean()
        yield loss, float(loss.detach())

    return losses


def run(path: Path | None, steps: int = 12, stop_at: int = 10**6, plan: Plan | None = None,
        hooks: Hooks | None = None, ema: float = 0.9) -> tuple[torch.nn.Linear, list[float]]:
    """The model after a run, or as far as it came, and the losses of the steps of this run."""
    model, seen = line(), []
    kept = hooks or Hooks()
    hooks = Hooks(lambda step, values: (seen.append(values[0]), kept.on_step(step, values))[0], kept.evaluate,
                  kept.on_save, kept.finish)
    asked = iter(range(10**6))
    supervisor = Supervisor(cancelled=lambda: next(asked) >= stop_at)
    with suppress(Cancelled):
        fit(plan or Plan("line", steps, seed=3), {"line": Learner(model, 0.1, ema)}, lambda: points(model), CPU,
            supervisor, path, hooks)
    return model, seen


def test_it_learns(tmp_path: Path) -> None:
    model, seen = run(None, steps=200)
    assert sum(seen[-20:]) < 0.2 * sum(seen[:20])
    assert torch.allclose(model.weight, torch.ones(1, 2), atol=0.1)


@pytest.mark.parametrize("stop_at", [1, 5, 11])
def test_a_run_that_was_stopped_goes_on_as_if_it_never_was(tmp_path: Path, stop_at: int) -> None:
    whole, losses = run(tmp_path / "whole.pt")
    _, before = run(tmp_path / "parts.pt", stop_at=stop_at)
    torch.rand(100)  # what happens between two runs does not matter
    resumed, after = run(tmp_path / "parts.pt")
    assert len(before) == stop_at and before + after == losses
    assert torch.equal(whole.weight, resumed.weight) and torch.equal(whole.bias, resumed.bias)


def test_a_run_that_was_killed_goes_on_from_the_last_checkpoint(tmp_path: Path) -> None:
    _, losses = run(None)

    def die(step: int, values: list[float]) -> None:
        if step == 7:
            raise KeyboardInterrupt

    plan = Plan("line", 12, seed=3, save_every=4)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "line.pt", plan=plan, hooks=Hooks(on_step=die))
    assert run(tmp_path / "line.pt", plan=plan)[1] == losses[4:]


def test_what_is_finished_is_not_done_again(tmp_path: Path) -> None:
    finishes: list[int] = []
    hooks = Hooks(finish=lambda: finishes.append(1))
    model, _ = run(tmp_path / "line.pt", hooks=hooks)
    again, seen = run(tmp_path / "line.pt", hooks=hooks)
    assert seen == [] and finishes == [1] and torch.equal(model.weight, again.weight)


def test_a_last_stage_goes_further_where_it_is_asked_for_more_steps(tmp_path: Path) -> None:
    def plan(steps: int) -> Plan:
        return Plan("line", steps, seed=3, extends=True)

    _, first = run(tmp_path / "line.pt", plan=plan(6))
    assert run(tmp_path / "line.pt", plan=plan(6))[1] == []
    _, more = run(tmp_path / "line.pt", plan=plan(10))
    assert (len(first), len(more)) == (6, 4)
    assert run(tmp_path / "line.pt", plan=plan(8))[1] == []  # it is further already


def test_what_was_found_is_told_at_each_report(tmp_path: Path) -> None:
    told: list[tuple[str, int, int, dict[str, float]]] = []
    model = line()
    fit(Plan("line", 8, seed=3, report_every=2, evaluate_every=4), {"line": Learner(model, 0.1)}, lambda: points(model),
        CPU, Supervisor(measured=lambda *point: told.append(point)), None, Hooks(evaluate=lambda: {"error": 0.5}))
    assert [(stage, step, steps, sorted(figures)) for stage, step, steps, figures in told] == [
        ("line", 2, 8, ["loss"]), ("line", 4, 8, ["error", "loss"]), ("line", 6, 8, ["loss"]),
        ("line", 8, 8, ["error", "loss"])]


def test_the_average_counts_in_the_end_and_in_validations(tmp_path: Path) -> None:
    found: list[torch.Tensor] = []
    model = line()

    def evaluate() -> dict[str, float]:
        found.append(model.weight.clone())
        torch.rand(7)  # chance in a validation changes nothing
        return {"error": 0.5}

    plan = Plan("line", 12, seed=3, evaluate_every=6)
    history = fit(plan, {"line": Learner(model, 0.1, 0.9)}, lambda: points(model), CPU, Supervisor(), None,
                  Hooks(evaluate=evaluate))
    assert history.figures == [{"step": 6, "error": 0.5}, {"step": 12, "error": 0.5}]
    assert torch.equal(model.weight, run(None)[0].weight)
    assert torch.equal(found[-1], model.weight)  # validated with what counts in the end
    assert not torch.equal(model.weight, run(None, ema=0.0)[0].weight)


def test_learners_take_turns_and_may_rest() -> None:
    first, second = line(0), line(1)
    before = second.weight.clone()

    def losses(rng: np.random.Generator, step: int) -> Iterator[tuple[torch.Tensor | None, float]]:
        x, weight = torch.ones(4, 2), first.weight.clone()
        loss = (first(x).float() - 1).pow(2).mean()
        yield loss, float(loss.detach())
        assert not torch.equal(first.weight, weight)  # it has made its step
        yield None, 0.0

    history = fit(Plan("two", 3, seed=0), {"first": Learner(first, 0.1), "second": Learner(second, 0.1)},
                  lambda: losses, CPU, Supervisor())
    assert history.step == 3 and torch.equal(second.weight, before)


def test_time_ends_a_stage_and_the_rate_falls_with_it() -> None:
    rates: list[float] = []
    clock = iter(np.linspace(0, 1, 41))
    supervisor = Supervisor()
    supervisor.fraction = lambda stage, step, steps: float(next(clock))  # type: ignore[method-assign]
    model = line()
    before = [model.weight.detach().clone()]

    def note(step: int, values: list[float]) -> None:
        rates.append(float((model.weight.detach() - before[0]).abs().max()))  # AdamW: about the rate
        before[0] = model.weight.detach().clone()

    history = fit(Plan("line", 100_000, seed=0, warm_up=0), {"line": Learner(model, 0.1)}, lambda: points(model), CPU,
                  supervisor, None, Hooks(on_step=note))
    assert history.step == 40 and history.finished
    assert rates[-1] < 0.1 * rates[0]


def test_no_time_at_all_is_said() -> None:
    model = line()
    with pytest.raises(UserError, match="time was over"):
        fit(Plan("line", 5, seed=0), {"line": Learner(model, 0.1)}, lambda: points(model), CPU,
            Supervisor(max_seconds=0.0))


def test_a_loss_that_is_no_number_is_said_and_keeps_the_checkpoint(tmp_path: Path) -> None:
    model = line()

    def losses(rng: np.random.Generator, step: int) -> Iterator[tuple[torch.Tensor, float]]:
        loss = model(torch.ones(1, 2)).float().mean() * (float("nan") if step == 3 else 1.0)
        yield loss, float(loss.detach())

    with pytest.raises(UserError, match="no number"):
        fit(Plan("line", 5, seed=0, save_every=1), {"line": Learner(model, 0.1)}, lambda: losses, CPU, Supervisor(),
            tmp_path / "line.pt")
    saved = torch.load(tmp_path / "line.pt", weights_only=True)
    assert saved["state"]["step"] == 3 and torch.isfinite(saved["learners"]["line"]["module"]["weight"]).all()


def test_a_checkpoint_of_the_former_version_is_refused_in_words(tmp_path: Path) -> None:
    torch.save({"state": {"step": 2, "curve": [], "finished": False}, "model": line().state_dict()},
               tmp_path / "line.pt")
    with pytest.raises(UserError, match="another version of MedSynth"):
        run(tmp_path / "line.pt")


@pytest.mark.parametrize("harm", ["cut", "shape", "text"])
def test_a_damaged_or_foreign_checkpoint_is_told(tmp_path: Path, harm: str) -> None:
    path = tmp_path / "line.pt"
    run(path, stop_at=2)
    if harm == "cut":
        path.write_bytes(path.read_bytes()[:200])
    elif harm == "text":
        path.write_text("torn")
    else:
        saved = torch.load(path, weights_only=True)
        saved["learners"]["line"]["module"]["weight"] = torch.zeros(3, 3)
        torch.save(saved, path)
    with pytest.raises(UserError, match="damaged, or belongs to a recipe"):
        run(path)


def test_a_disk_that_takes_no_checkpoint_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"line\.pt could not be written"):
        run(tmp_path / "file" / "line.pt")
