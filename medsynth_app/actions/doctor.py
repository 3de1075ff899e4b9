"""What this computer brings to the work, checked: packs, model libraries, graphics, disk, privacy."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

from medsynth_app.actions.virtual_screen import has_display, virtual_screen
from medsynth_app.core.errors import UserError
from medsynth_app.core.pack_files import verify_pack
from medsynth_app.formats.pack import default_pack_folders, find_packs
from medsynth_app.settings.settings import default_folder

LIBRARIES = ("torch", "diffusers", "transformers", "napari", "PySide6-Essentials", "pydicom", "SimpleITK")
GIB = 2**30
# Both run in a child, so that neither torch nor Qt is ever loaded here; each prints one JSON line.
_WATCH = """
import json, sys
opened = []
def hook(event, arguments):
    if event == "socket.__new__" and int(arguments[1]) in (2, 10, 23, 30) or event == "socket.getaddrinfo":
        opened.append(event)
sys.addaudithook(hook)
"""
_TORCH = _WATCH + """
import torch
facts = {"version": torch.__version__, "threads": torch.get_num_threads(), "devices": []}
if torch.cuda.is_available():
    for index in range(torch.cuda.device_count()):
        free, total = torch.cuda.mem_get_info(index)
        facts["devices"].append([torch.cuda.get_device_name(index), free, total])
if torch.backends.mps.is_available():
    facts["devices"].append(["Apple GPU (MPS)", 0, 0])
torch.ones(8, 8) @ torch.ones(8, 8)
print(json.dumps({**facts, "sockets": opened}))
"""
_OPENGL = _WATCH + """
from PySide6.QtGui import QGuiApplication, QOffscreenSurface, QOpenGLContext
application = QGuiApplication([])
surface = QOffscreenSurface()
surface.create()
context = QOpenGLContext()
made = context.create() and context.makeCurrent(surface)
text = {}
if made:
    from OpenGL import GL
    text = {name: GL.glGetString(getattr(GL, "GL_" + name.upper())).decode() for name in ("renderer", "version")}
print(json.dumps({"made": bool(made), **text, "sockets": opened}))
"""


@dataclass(frozen=True)
class Check:
    """One finding; `text` says what was found, and where `ok` is False what to do."""

    name: str
    ok: bool
    text: str


def doctor(workspace: Path | None = None, packs: Sequence[Path] | None = None) -> list[Check]:
    """Run every check. Takes seconds: torch and OpenGL are tried in child processes.

    Parameters
    ----------
    workspace
        Folder to test for writing; the temporary folder when None.
    packs
        Folders to look for packs in; the usual ones when None.
    """
    sockets: list[str] = []
    checks = [_libraries(), *_packs(default_pack_folders() if packs is None else packs)]
    checks += [_torch(sockets), _memory(), _opengl(sockets)]
    folder = workspace or Path(tempfile.gettempdir())
    checks += [_disk(folder), _writable("Workspace", folder), _writable("Settings", default_folder()), _offline()]
    return [*checks, _sockets(sockets)]


def _libraries() -> Check:
    found, missing = [f"Python {platform.python_version()}"], []
    for name in LIBRARIES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        return Check("Libraries", False, f"Not installed: {', '.join(missing)}. Run `make install`.")
    return Check("Libraries", True, ", ".join(found))


def _packs(folders: Sequence[Path]) -> list[Check]:
    found = find_packs(folders)
    checks = []
    if not any(pack.manifest.kind == "base" for pack in found):
        checks.append(Check("Model packs", False, "None is installed; train one with `medsynth train base`."))
    for pack in found:
        problems = verify_pack(pack)
        text = f"{pack.manifest.title}, version {pack.manifest.version}: "
        text += f"{'; '.join(problems)}. Copy the pack again." if problems else "every file has its recorded hash"
        checks.append(Check(f"Pack {pack.manifest.name}", not problems, text))
    return checks


def _torch(sockets: list[str]) -> Check:
    facts, trouble = _child(_TORCH, os.environ)
    if trouble:
        return Check("Models run on", False, f"torch does not start: {trouble}. Run `make install` again.")
    sockets += facts["sockets"]
    devices = [name + (f" ({free / GIB:.1f} of {total / GIB:.1f} GiB free)" if total else "")
               for name, free, total in facts["devices"]]
    where = ", ".join(devices) or f"the processor, {facts['threads']} threads (no GPU found)"
    return Check("Models run on", True, f"{where}; torch {facts['version']}")


def _memory() -> Check:
    memory = psutil.virtual_memory()
    text = f"{memory.available / GIB:.1f} of {memory.total / GIB:.1f} GiB free"
    enough = memory.available >= 2 * GIB
    return Check("Memory", enough, text if enough else text + "; close other programs, a model needs about 2 GiB")


def _opengl(sockets: list[str]) -> Check:
    screen: contextlib.AbstractContextManager[Any] = (
        contextlib.nullcontext(dict(os.environ)) if has_display() else virtual_screen("640x480"))
    try:
        with screen as environment:
            facts, trouble = _child(_OPENGL, environment)
    except UserError as error:
        return Check("OpenGL", False, str(error))
    if trouble or not facts["made"]:
        return Check("OpenGL", False, f"No OpenGL context could be made{f' ({trouble})' if trouble else ''}. "
                                      "Run `make install`, which names missing system libraries.")
    sockets += facts["sockets"]
    place = "" if has_display() else "; no display here, tried on a virtual screen"
    return Check("OpenGL", True, f"{facts['version']} on {facts['renderer']}{place}")


def _disk(folder: Path) -> Check:
    free = shutil.disk_usage(_existing(folder)).free / GIB
    text = f"{free:.1f} GiB free where the workspace lies"
    return Check("Disk", free >= 2, text if free >= 2 else text + "; make room, results are kept without loss")


def _writable(name: str, folder: Path) -> Check:
    place = _existing(folder)
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        return Check(name, False, f"Its folder cannot be written ({error.strerror}). "
                                  "Choose another or change its rights.")
    return Check(name, True, "can be written")


def _existing(folder: Path) -> Path:
    """The folder itself, or the nearest parent that exists."""
    return next((place for place in (folder, *folder.absolute().parents) if place.is_dir()), Path("/"))


def _offline() -> Check:
    names = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
    wrong = [name for name in names if os.environ.get(name) != "1"]
    if wrong:
        return Check("Offline", False, f"{', '.join(wrong)} is not set to 1: start through `medsynth`, which sets it.")
    return Check("Offline", True, "model libraries are told never to use the network")


def _sockets(opened: list[str]) -> Check:
    connections = psutil.Process().net_connections(kind="inet")
    if opened or connections:
        return Check("Network", False, f"A network socket was opened ({len(opened)} in child processes, "
                                       f"{len(connections)} open here). Please report this.")
    return Check("Network", True, "no network socket is open in this process, and the model and graphics checks opened "
                                  "none; jobs and the window are watched by the project's tests, not by this check")


def _child(code: str, environment: Any) -> tuple[dict[str, Any], str]:
    """Run code in a child; the facts that it prints, or the last line of its trouble."""
    run: Callable[..., subprocess.CompletedProcess[str]] = subprocess.run
    try:
        done = run([sys.executable, "-c", code], env=dict(environment), capture_output=True, text=True, timeout=120,
                   stdin=subprocess.DEVNULL, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return {}, type(error).__name__
    if done.returncode:
        return {}, (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1][:300]
    facts: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return facts, ""
