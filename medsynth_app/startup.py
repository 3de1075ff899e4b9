"""The start of the window, without pauses of the garbage collector.

Until the first frame, imports and widgets make some half a million objects that stay; to go through them again and
again in search of cycles takes a sixth of that time, and finds next to nothing.
"""

from __future__ import annotations

import gc

_held = False


def hold_garbage() -> None:
    """Collect no garbage until `release_garbage`; call it before the window's modules are imported."""
    global _held
    if gc.isenabled():
        gc.disable()
        _held = True


def release_garbage() -> None:
    """Collect again, but leave alone for good what the start has made: it stays as long as the window.

    Nothing where `hold_garbage` was not called.
    """
    global _held
    if _held:
        gc.freeze()
        gc.enable()
        _held = False
