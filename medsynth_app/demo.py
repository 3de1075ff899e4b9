"""``medsynth demo``: a guided tour of the window that leaves screenshots, results and a record of what was checked.

The tour itself (`medsynth_app.tour`) runs in a process of its own, with settings of its own, on a virtual screen where
there is no display.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from medsynth_app.actions.out_folder import out_folder, require_room
from medsynth_app.actions.virtual_screen import has_display, virtual_screen
from medsynth_app.core.errors import UserError
from medsynth_app.workspace.temporary import TemporaryFolder

SUMMARY = "summary.json"
LIMIT_SECONDS = 900.0


def run_demo(out: Path, *, headless: bool = False, workspace: Path | None = None) -> dict[str, Any]:
    """Run the tour and return its summary, which also stands in ``summary.json`` and, to be read, in ``index.md``.

    Parameters
    ----------
    headless
        Use a virtual screen even where there is a display (Linux only).
    workspace
        Folder of the workspace; a temporary one when None.

    Raises
    ------
    UserError
        When there is no display and no Xvfb, no pack, or the tour did not finish.
    """
    virtual = sys.platform == "linux" and (headless or not has_display())
    screen: contextlib.AbstractContextManager[dict[str, str]] = (
        virtual_screen() if virtual else contextlib.nullcontext(dict(os.environ)))
    with out_folder(out), screen as environment, TemporaryFolder() as private:
        require_room((out, 0), (workspace or private, 0))
        own = {"MEDSYNTH_CONFIG": f"{private}/settings", "NAPARI_CONFIG": f"{private}/napari.yaml", "QT_API": "pyside6",
               "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
        place = workspace or private / "workspace"
        line = [sys.executable, "-m", "medsynth_app.tour", str(out.resolve()), str(place.resolve())]
        try:
            status = subprocess.run(line, env={**environment, **own}, stdin=subprocess.DEVNULL, stdout=sys.stderr,
                                    timeout=LIMIT_SECONDS, check=False).returncode
        except subprocess.TimeoutExpired as error:
            raise UserError("The demo did not end in time.", "Try again when the computer has less to do.") from error
    if status == 2:
        raise UserError("The demo could not run to its end; the lines above say why.", "Run `medsynth doctor`.")
    if status or not (out / SUMMARY).exists():
        raise RuntimeError(f"the tour ended with status {status}")
    summary: dict[str, Any] = json.loads((out / SUMMARY).read_text(encoding="utf-8"))
    return summary
