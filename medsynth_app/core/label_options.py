"""How a set of cells is labelled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from medsynth_app.core.errors import UserError

RANDOM, USEFUL = "random", "useful"


@dataclass(frozen=True)
class LabelOptions:
    """Raises `UserError` for numbers out of range.

    Attributes
    ----------
    strategy
        The order of the cells: a name in `ranking.catalogue`.
    control
        Share of the cells that come by chance, the same for everybody: what all figures are estimated on.
    repeats
        Share of the cells that a person is asked again, without being told.
    blind
        Neither predictions nor origins are shown, and every cell at one resolution.
    suggest
        Whether the classifier's class is shown before the answer; never on the control slice.
    batch
        Answers after which the classifier learns anew.
    budget
        How many answers are planned; 0 for all cells.
    encoder
        sha256 of the pack that embeds the cells; "" for the one that suits the classes.
    seed
        Of everything that is chosen by chance.
    """

    strategy: str = USEFUL
    control: float = 0.1
    repeats: float = 0.03
    blind: bool = False
    suggest: bool = True
    batch: int = 20
    budget: int = 0
    encoder: str = ""
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.control <= 1 or not 0 <= self.repeats <= 0.5:
            raise UserError("These shares of cells are not possible.",
                            "Cells by chance may be 0 to 100 %, hidden repeats 0 to 50 %.")
        if not 1 <= self.batch <= 1000 or self.budget < 0:
            raise UserError("This number of labels is not possible.", "Learn after 1 to 1000 labels.")

    def to_plain(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_plain(plain: Mapping[str, Any]) -> LabelOptions:
        """What a newer version added is passed over."""
        known = {each.name for each in fields(LabelOptions)}
        return LabelOptions(**{name: value for name, value in plain.items() if name in known})
