"""Out of memory: once more in small pieces, then in words."""

from __future__ import annotations

import gc
import math
from collections.abc import Callable, Sequence

import torch

from medsynth_app.core.errors import UserError
from medsynth_app.core.job import EventKind, JobEvent

NOTICE = "Memory ran out; drawing again one picture at a time, which is slower."


def is_out_of_memory(error: BaseException) -> bool:
    """True for torch's, Python's and the drivers' ways to say that memory ran out."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and ("out of memory" in text or "can't allocate memory" in text
                                                or "not enough memory" in text)


def free_memory() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()


def draw_in_batches(candidates: Sequence[int], batch: int, draw: Callable[[Sequence[int], bool, int], None],
                    emit: Callable[[JobEvent], None], job_id: str) -> None:
    """Call ``draw(some candidates, sparing, batches left with this one)`` until all are drawn.

    When memory runs out, what is left is drawn once more one by one with ``sparing`` true, after a notice.

    Raises
    ------
    UserError
        When memory runs out again.
    """
    left, sparing = list(candidates), False
    while left:
        size = 1 if sparing else batch
        some = left[:size]
        failed = False
        try:
            draw(some, sparing, math.ceil(len(left) / size))
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            if sparing:
                raise UserError(
                    "There is not enough memory to draw this, even one picture at a time.",
                    "Close other programs, paint a smaller region, or choose a smaller model.",
                    "Your image and your painting are unchanged.", type(error).__name__) from error
            failed = True
        if failed:  # outside the handler, so that the traceback no longer holds the tensors
            sparing = True
            free_memory()
            emit(JobEvent(job_id, EventKind.NOTICE, message=NOTICE))
        else:
            left = left[len(some):]
