"""Options are declared once: their range, their words, their place in the values that hold them."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
import typer
from typer.testing import CliRunner

from medsynth_app.cli.options import asking
from medsynth_app.core.errors import UserError
from medsynth_app.core.jobs.request import Conditioning, Sampling
from medsynth_app.core.options import changed, checked, option, option_of
from medsynth_app.core.parameters import GenerateParameters, InpaintParameters


@dataclass(frozen=True)
class Inner:
    eta: float = option(0.0, "Eta", 0, 1, help="How much noise is added at every step.")


@dataclass(frozen=True)
class Outer:
    inner: Inner = field(default_factory=Inner)
    quietly: bool | None = option(None, flag="--quietly/--loudly", help="Whether to whisper.")
    hidden: int = option(3, "What is hidden", 0, 9)


def test_an_option_is_found_and_changed_wherever_it_stands() -> None:
    parameters = changed(InpaintParameters(), prompt="a polyp", count=2, feather=7)
    assert parameters.conditioning.prompt == "a polyp" and parameters.sampling.count == 2 and parameters.feather == 7
    assert changed(parameters, count=4, feather=4, prompt="") == InpaintParameters()
    with pytest.raises(TypeError, match="InpaintParameters has no colour"):
        changed(parameters, colour="red")
    assert option_of(GenerateParameters, "steps").offered == (0, 200)
    assert option_of(Conditioning, "control_scale").offered == (0, 2)


@pytest.mark.parametrize("wrong, words", [({"eta": 2}, "Eta is 2, outside 0 to 1."),
                                          ({"hidden": -1}, "What is hidden is -1, outside 0 to 9.")])
def test_out_of_range_is_told_in_its_own_words(wrong: dict[str, float], words: str) -> None:
    with pytest.raises(UserError) as told:
        checked(changed(Outer(), **wrong))
    assert told.value.happened == words


def test_a_new_field_is_an_option_of_the_command_line() -> None:
    app = typer.Typer()

    @app.command()
    @asking(Outer, hidden=5)
    def show(name: str, given: Outer, loud: bool = False) -> None:
        typer.echo(f"{name} {given} {loud}")

    said = CliRunner().invoke(app, ["ann", "--eta", "0.5", "--loudly", "--loud"])
    assert said.output.strip() == "ann Outer(inner=Inner(eta=0.5), quietly=False, hidden=5) True", said.output
    assert "How much noise is added" in CliRunner().invoke(app, ["--help"]).output
    assert CliRunner().invoke(app, ["ann", "--hidden", "1"]).exit_code == 2


def test_a_seed_by_chance_is_drawn_once() -> None:
    drawn = Sampling().with_seed()
    assert drawn.seed is not None and drawn.with_seed() is drawn and drawn.seed_of(3) == drawn.seed + 3
    with pytest.raises(ValueError, match="by chance"):
        Sampling().seed_of(0)
