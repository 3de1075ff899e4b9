"""The architecture, held: blocked libraries, circles, sizes of files; the import contracts are `make lint`'s."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "medsynth_app"
FILES = sorted(PACKAGE.rglob("*.py"))
WINDOW = ("ui", "app", "tour")
QT = ("PySide6", "shiboken6", "qtpy", "superqt", "qtawesome", "napari", "vispy")
MODELS = ("torch", "diffusers", "transformers", "peft", "accelerate", "safetensors")
_IMPORT_BLOCKED = """
import importlib, sys
from importlib.abc import MetaPathFinder
blocked = set(sys.argv[1].split(","))
class Block(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in blocked:
            raise ImportError(name + " is blocked", name=name)
sys.meta_path.insert(0, Block())
for name in sys.argv[2:]:
    importlib.import_module(name)
loaded = sorted({name.partition(".")[0] for name in sys.modules} & blocked)
assert not loaded, loaded
print(len(sys.argv) - 2)
"""


def _module(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _modules(window: bool) -> list[str]:
    """Modules of the window's side (`window`) or of the Qt-free one; what only runs in a worker is left out."""
    chosen = []
    for path in FILES:
        part = path.relative_to(PACKAGE).with_suffix("").parts[0]
        if part not in ("engine", "__main__") and "migrations" not in path.parts and (part in WINDOW) is window:
            chosen.append(_module(path))
    return chosen


def _import_blocked(blocked: tuple[str, ...], modules: list[str]) -> None:
    done = subprocess.run([sys.executable, "-c", _IMPORT_BLOCKED, ",".join(blocked), *modules], cwd=ROOT,
                          capture_output=True, text=True, check=False, timeout=120,
                          env={**os.environ, "QT_QPA_PLATFORM": "offscreen"})
    assert done.returncode == 0, done.stderr[-3000:]
    assert int(done.stdout) == len(modules) > 0


@cache
def _imports(path: Path) -> frozenset[str]:
    """Full names of modules that a file imports, at any depth of its code."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(found)


def _circles() -> list[list[str]]:
    """Groups of modules that import each other, by imports at any depth, those for type checkers included."""
    modules = {_module(path) for path in FILES}
    edges = {_module(path): (_imports(path) & modules) - {_module(path)} for path in FILES}
    found, index, low, stack, on_stack = [], {}, {}, [], set()

    def visit(name: str) -> None:  # Tarjan (1972): strongly connected components
        index[name] = low[name] = len(index)
        stack.append(name)
        on_stack.add(name)
        for other in edges[name]:
            if other not in index:
                visit(other)
                low[name] = min(low[name], low[other])
            elif other in on_stack:
                low[name] = min(low[name], index[other])
        if low[name] == index[name]:
            group = [stack.pop()]
            while group[-1] != name:
                group.append(stack.pop())
            on_stack.difference_update(group)
            if len(group) > 1:
                found.append(sorted(group))

    for name in sorted(edges):
        if name not in index:
            visit(name)
    return found


def test_no_module_imports_itself_by_a_detour() -> None:
    assert _circles() == []


def test_libraries_stay_in_their_rooms() -> None:
    rooms = {"engine": MODELS, "engine formats": ("tokenizers",),
             "ui app tour": ("PySide6", "PyQt6", "qtpy", "superqt", "qtawesome"),
             "ui.viewer": ("napari", "vispy"), "session": ("psygnal",),
             "workspace": ("sqlalchemy", "alembic", "sqlite3"),
             "formats": ("pydicom", "highdicom", "gdcm", "SimpleITK", "nibabel", "tifffile", "imagecodecs", "zarr"),
             "settings plugin_api": ("pydantic",), "cli headless": ("typer", "click", "rich")}
    allowed = {library: tuple(f"medsynth_app.{room}" for room in names.split())
               for names, libraries in rooms.items() for library in libraries}
    for path in FILES:
        for library in {name.split(".")[0] for name in _imports(path)} & set(allowed):
            assert f"{_module(path)}.".startswith(tuple(f"{room}." for room in allowed[library])), (
                f"{path.name} imports {library}")


def test_every_part_of_the_package_has_a_place_in_the_layers() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    placed = {name.strip(" ()") for contract in contracts if contract["type"] == "layers"
              for layer in contract["layers"] for name in layer.split("|")}
    parts = {".".join(_module(path).split(".")[:2]) for path in FILES} - {"medsynth_app"}
    assert parts - placed == set()


def test_everything_but_the_window_imports_without_qt_and_without_torch() -> None:
    _import_blocked((*QT, *MODELS), _modules(window=False))


def test_the_window_imports_without_torch() -> None:
    modules = _modules(window=True)
    assert "medsynth_app.app" in modules
    _import_blocked(MODELS, modules)


def test_the_engine_is_named_only_by_the_queue() -> None:
    """It is started by name in a process of its own: no import and no importlib call elsewhere."""
    for path in FILES:
        if "engine" in path.relative_to(PACKAGE).parts:
            continue
        assert not {name for name in _imports(path) if name.startswith("medsynth_app.engine")}, path.name
        if "jobs" not in path.relative_to(PACKAGE).parts and path.name != "app.py":  # which wires the queue
            assert '"medsynth_app.engine' not in path.read_text(), path.name


def test_no_part_can_talk_to_the_network() -> None:
    names = {"requests", "urllib3", "httpx", "aiohttp", "socket", "socketserver", "ftplib", "smtplib", "http",
             "asyncio"}
    for path in FILES:
        wrong = {name for name in _imports(path) if name.split(".")[0] in names or name == "urllib.request"}
        assert not wrong, f"{path.name} imports {wrong}"


def test_training_needs_little() -> None:
    """``python -m medsynth_app.engine.train`` runs on a machine that has torch, diffusers and transformers only."""
    allowed = {"torch", "diffusers", "transformers", "tokenizers", "safetensors", "numpy", "PIL", "medsynth_app"}
    shared = ("engine.diffusion.mask_model", "engine.diffusion.mask_maps", "engine.encoder", "engine.device",
              "engine.detector", "engine.eight_bits", "engine.find_cells", "datasets.dataset",
              "evaluation.patches")
    needed = ("medsynth_app.core", "medsynth_app.engine.train", *(f"medsynth_app.{name}" for name in shared))
    for path in (*(PACKAGE / "engine" / "train").rglob("*.py"),
                 *(PACKAGE / f"{name.replace('.', '/')}.py" for name in shared)):
        tops = {name.split(".")[0] for name in _imports(path)}
        assert tops - allowed - set(sys.stdlib_module_names) == set(), path.name
        inside = {name for name in _imports(path) if name.startswith("medsynth_app.")}
        assert all(name.startswith(needed) for name in inside), path.name


def _untranslated(path: Path) -> list[str]:
    """Texts that begin with a capitalised word and reach nobody's `_`; texts of bugs and lists of names aside."""
    tree = ast.parse(path.read_text())
    above = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}

    def translated(node: ast.AST) -> bool:
        while not isinstance(node, ast.stmt):
            node = above[node]
            if isinstance(node, ast.Call):
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                if name in ("_", "ngettext", "setObjectName", "TypeVar", "RuntimeError", "ValueError"):
                    return True
        return isinstance(node, ast.Expr) or "__all__" in map(ast.unparse, getattr(node, "targets", ()))

    return [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
            and re.match(r"[A-Z][a-z]{2,}", node.value) and not translated(node)]


def test_words_of_the_window_can_be_translated() -> None:
    names = {"MedSynth", "MedSynth ", "MedSynth sets", "Auto", "Full range"}  # the last two of windows, not shown
    keys = {"Space", "Enter", "Del", "Right", "Left", "Home", "End"}
    for path in (PACKAGE / "ui").rglob("*.py"):
        if "theme" not in path.parts:
            found = {each for each in _untranslated(path) if not re.match(r"(Ctrl|Shift|Alt)\b", each)}
            assert found <= names | keys, path.name


def test_files_stay_short() -> None:
    long = {path.relative_to(ROOT).as_posix(): count for path in FILES
            if (count := len(path.read_text().splitlines())) > 400}
    assert long == {}


def test_library_code_does_not_print() -> None:
    allowed = {"engine/train/__main__.py"}
    for path in FILES:
        calls = {node.func.id for node in ast.walk(ast.parse(path.read_text()))
                 if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
        assert "print" not in calls or path.relative_to(PACKAGE).as_posix() in allowed, path.name


def test_every_action_is_tested() -> None:
    tested: set[str] = set()
    for path in (ROOT / "tests").rglob("*.py"):
        tested |= _imports(path)
    shared = {"frames", "guard"}  # used by other actions only
    for path in (PACKAGE / "actions").glob("[!_]*.py"):
        assert path.stem in shared or _module(path) in tested, f"no test imports {_module(path)}"


def test_migrations_and_data_files_are_packaged() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    patterns = project["tool"]["setuptools"]["package-data"]["medsynth_app"]
    suffixes = {Path(pattern).suffix for pattern in patterns}
    inside = {path.suffix for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert inside - suffixes - {".py", ".typed"} == set()
