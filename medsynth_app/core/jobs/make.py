"""Make: a whole set of pictures by an order, or how long that will take."""

from __future__ import annotations

from dataclasses import dataclass

from medsynth_app.core.job import Lane
from medsynth_app.core.jobs.kind import JobKind, Outcome, shortened
from medsynth_app.core.order import Order


@dataclass(frozen=True, eq=False)
class MakeRequest:
    """Make the set of an order; what of it is there already stays, so that the same request goes on.

    Attributes
    ----------
    order
        `Order.to_json`.
    packs
        Folders of its `Order.packs`, in their order.
    out
        Folder of the set; empty: nothing is made, and the result says how many seconds it would take.
    device
        As in `Sampling`.
    """

    order: str
    packs: tuple[str, ...]
    out: str = ""
    device: str = "auto"


def titled(request: MakeRequest) -> str:
    order = Order.from_json(request.order)
    what = "Make a set" if request.out else "Measure the time of a set"
    return f"{what}: {shortened(order.name)} ({order.count})"


MAKE = JobKind("make", MakeRequest, Lane.BACKGROUND, titled, "make", Outcome.SET, "The set is made")
