"""A screen without a monitor (Xvfb), for the guided demo and for checks where there is no display."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from medsynth_app.core.errors import UserError


def has_display() -> bool:
    """Whether windows can be shown here, as far as the environment tells."""
    return sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


@contextmanager
def virtual_screen(size: str = "1600x1000") -> Iterator[dict[str, str]]:
    """Start an Xvfb on a display that it picks itself; yields the environment of programs that shall use it.

    Raises
    ------
    UserError
        When Xvfb is not installed or does not start.
    """
    server = shutil.which("Xvfb")
    if server is None:
        raise UserError("There is no display, and the virtual screen Xvfb is not installed.",
                        "On Debian and Ubuntu: sudo apt-get install -y xvfb")
    reading, writing = os.pipe()
    process = subprocess.Popen(
        [server, "-displayfd", str(writing), "-screen", "0", f"{size}x24", "-dpi", "96", "-nolisten", "tcp",
         "+extension", "GLX"], pass_fds=(writing,), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL)
    os.close(writing)
    try:
        with os.fdopen(reading) as pipe:
            number = pipe.readline().strip()  # empty when the server ended instead of starting
        if not number:
            raise UserError("The virtual screen Xvfb did not start.", "Try `Xvfb :99` by hand to see why.")
        environment = {name: value for name, value in os.environ.items() if name != "WAYLAND_DISPLAY"}
        yield {**environment, "DISPLAY": f":{number}", "QT_QPA_PLATFORM": "xcb"}
    finally:
        process.terminate()
        process.wait(10)
