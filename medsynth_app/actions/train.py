"""Train a model pack or a part of one, in the background lane."""

from __future__ import annotations

import json
import re
import shutil
import tomllib
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import medsynth_app
from medsynth_app.actions.out_folder import made_folder, make_folder, require_room, require_unused
from medsynth_app.core.changes import Changes
from medsynth_app.core.errors import Cancelled, UserError
from medsynth_app.core.files import LOCK, alone, writing
from medsynth_app.core.jobs.train import RUN, TrainRequest
from medsynth_app.core.pack import MANIFEST
from medsynth_app.core.pack_files import InstalledPack
from medsynth_app.datasets.dataset import is_frozen, refuse_another_set, refuse_other_section, refuse_part
from medsynth_app.datasets.freeze import check_layout, refuse_among
from medsynth_app.jobs.queue import JobQueue

SECTIONS = {"base": "denoiser", "control": "control", "masks": "masks", "encoder": "encoder", "detector": "detector"}
KINDS = (("base", "control", "masks"), ("encoder",), ("detector",))  # parts of one pack


def train_request(recipe: Path, data: Path | None, out: Path, *, part: str = "base",
                  pack: InstalledPack | None = None, resume: bool = False, max_minutes: float = 0.0) -> TrainRequest:
    """The request of a run, after a look at what can be seen at once; the data are split and frozen by the run itself.

    Parameters
    ----------
    data
        The data folder that the recipe was written for, or a training set frozen before; may be None with
        `resume`.
    part, pack
        What to train (`core.jobs.train.TRAINABLE`), and the base pack that ``control`` or ``masks`` joins or
        ``base`` starts from.
    out
        Folder of the pack to write. Beside it ``<out>.training`` keeps the frozen set and the checkpoints.
    resume
        Go on from the checkpoints of an earlier run, on the same frozen set; one that has made its pack makes it anew
        where the recipe asks for more steps than it was finished for.

    Raises
    ------
    UserError
        For a recipe or data folder that cannot be used, a pack that exists already, or a run that was begun
        before when `resume` is not asked for, or was not when it is, or on data frozen by another section ``[data]``;
        a place that cannot be written.
    """
    layout = read_layout(recipe)
    _refuse_recipe(recipe, part, layout)
    work = work_folder(out)
    begun = begun_part(out)
    if (out / MANIFEST).exists() and not (resume and begun):
        raise UserError(f"The folder {out.name} holds a pack already.",
                        "Give another folder for the new one, or resume the run that made it, with more steps in its "
                        "recipe." if begun else "Give another folder for the new one.")
    if any((parent / MANIFEST).exists() for parent in out.resolve().parents):
        raise UserError(f"The folder {out.name} lies inside a pack.", "Give a folder elsewhere.")
    if resume and not begun:
        raise UserError(f"No training run was begun for {out.name}, so there is none to resume.",
                        "Name the folder of one that was, or begin a new one, without resuming.")
    if begun and not resume:
        raise UserError("A training run for this folder was begun before.",
                        "Resume it, or give another folder for the new one.",
                        safe="What it has kept stays.")
    if begun and begun != part:
        raise UserError(f"The run that was begun for this folder trains the part {begun!r}, not {part!r}.",
                        "Give another folder for the new one.")
    if not resume:
        require_unused(out)
    known = _data_of(work)
    if data is not None and known is not None and data.resolve() != known and has_learned(out):
        raise UserError(f"The run for {out.name} has learned from {known.name}, and goes on with what was frozen of "
                        "it.", "Leave --data away, or give another folder for a new run.",
                        safe="What it has kept stays.")
    data = data or known
    frozen, checkpoints = work / "set", work / "checkpoints"
    if is_frozen(frozen) and (data is None or _holds_any(checkpoints)):
        refuse_other_section(frozen, layout)
    else:
        check_data(data, layout)
    if data is not None:
        refuse_among(data, out)
    with made_folder(out), made_folder(checkpoints):  # both are only tried: the worker makes them when it writes
        require_room((out, 0), (checkpoints, 0))
    return TrainRequest(recipe=str(recipe.resolve()), data=str(data.resolve()) if data is not None else "",
                        out=str(out.resolve()), part=part,
                        pack=str(pack.folder.resolve()) if pack is not None else "",
                        checkpoints=str(checkpoints.resolve()), max_minutes=max_minutes, frozen=str(frozen.resolve()))


def _refuse_recipe(recipe: Path, part: str, layout: dict[str, Any]) -> None:
    """Raise `UserError` for the recipe of something else: one that tells of other parts, and of none of this kind."""
    refuse_part(part, layout)
    own = next((kind for kind in KINDS if part in kind), ())
    told = [each for each in SECTIONS if is_for(recipe, each)]
    if told and not set(told) & set(own):
        raise UserError(f"The recipe {recipe.name} tells how to train {' and '.join(told)}, and nothing of the part "
                        f"{part!r}.", f"Give a recipe with a section [{SECTIONS[part]}], such as one in "
                        "resources/recipes.")


def check_data(data: Path | None, layout: dict[str, Any]) -> None:
    """Raise `UserError` where data (a folder, a list or a frozen set) cannot be those of a section ``[data]``."""
    if data is None:
        raise UserError("There is no frozen training set of an earlier run here.", "Give the folder of the data.")
    if not data.exists():
        raise UserError(f"There is no folder or file {data.name}.", "Give the folder of the data, or a CSV file.")
    if is_frozen(data):
        refuse_another_set(data, layout)
    else:
        check_layout(data, layout)


def train(queue: JobQueue, request: TrainRequest, person: str = "") -> Changes:
    """Queue a training run."""
    work = work_folder(Path(request.out))
    make_folder(work)
    (work / RUN).write_text(json.dumps({"part": request.part, "data": request.data}), encoding="utf-8")
    return Changes(jobs=(queue.submit(request, person=person),))


def branch(source: Path, out: Path, recipe: Path, *, part: str, pack: InstalledPack | None = None,
           max_minutes: float = 0.0, progress: Callable[[int, int], None] = lambda done, total: None,
           cancelled: Callable[[], bool] = lambda: False) -> TrainRequest:
    """Copy the run that makes, or made, the pack `source`, so that it goes on for `out`, and the first as it was.

    What can be seen at once to speak against it is told before anything is copied. May run on any thread; the
    parameters that `train_request` has too are the same.

    Parameters
    ----------
    progress
        Told of bytes copied and bytes in all.

    Raises
    ------
    UserError
        When the recipe cannot be used, there is no such run or it is being trained, `out` is in use, the disk has no
        room, or for what `train_request` refuses.
    Cancelled
        When `cancelled` says so; nothing is left behind.
    """
    _refuse_recipe(recipe, part, read_layout(recipe))
    work, new = work_folder(source), work_folder(out)
    if not has_learned(source):
        raise UserError(f"There is no training run for {source.name}, or it has kept no checkpoint yet.",
                        "Name the folder that its --out was.")
    if (found := begun_part(source)) != part:
        raise UserError(f"The run for {source.name} trains the part {found!r}, not {part!r}.",
                        "Branch it as that part.")
    if (out / MANIFEST).exists() or new.exists():
        raise UserError(f"The folder {out.name} holds a pack or a training run already.",
                        "Give another folder for the branch.", safe="Both runs stay as they are.")
    require_unused(out)
    busy = UserError(f"The run for {source.name} is being trained at the moment.", "Stop it first: what it has learned "
                     "is kept, and it can go on afterwards.", safe="Nothing was copied.")
    with made_folder(out.parent), alone(work, busy):
        _copy(work, new, progress, cancelled)
    try:
        return train_request(recipe, None, out, part=part, pack=pack, resume=True, max_minutes=max_minutes)
    except BaseException:  # Ctrl+C too
        shutil.rmtree(new, ignore_errors=True)
        raise


@contextmanager
def branching(out: Path) -> Iterator[None]:
    """Around a branch's first run: where it fails before it has learned anything of its own, the copy is taken away.

    Else the same command, with a recipe that is mended, would find its folder in use.
    """
    work = work_folder(out)
    before = _state_of(work / "checkpoints")
    try:
        yield
    except UserError:
        if _state_of(work / "checkpoints") == before:
            shutil.rmtree(work, ignore_errors=True)
        raise


def _state_of(folder: Path) -> set[tuple[str, int]]:
    """Name and time of every file."""
    return {(path.name, path.stat().st_mtime_ns) for path in folder.iterdir()} if folder.is_dir() else set()


def _copy(work: Path, new: Path, progress: Callable[[int, int], None], cancelled: Callable[[], bool]) -> None:
    """Copy the folder of a run, whole or not at all."""
    files = [path for path in work.rglob("*") if path.is_file() and path.name != LOCK]
    total, done = sum(path.stat().st_size for path in files), 0
    require_room((new, total))
    part = new.with_name(f".{uuid.uuid4().hex}.part")
    try:
        for path in files:
            if cancelled():
                raise Cancelled
            copy = part / path.relative_to(work)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
            done += path.stat().st_size
            progress(done, total)
        part.rename(new)
    except OSError as error:
        raise UserError("The run could not be copied.", "Make room on this disk, or choose another folder.",
                        safe="It stays as it was.", details=type(error).__name__) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def branch_recipe(text: str, name: str, folder: Path) -> Path:
    """Write the recipe of a branch to `folder`: `text` with the branch's own name, so that its pack is told apart.

    Raises
    ------
    UserError
        Where it is no recipe, or one whose name stands in no line of its own; where the file is there already or
        cannot be written.
    """
    path = folder / f"{name}.toml"
    check_recipe(text, path.name)
    if path.exists():
        raise UserError(f"There is a recipe {path.name} already.", "Give the branch another name.",
                        safe="It stays as it is.")
    title = _parsed(text, path.name)["pack"].get("title", name)
    renamed = _renamed(text, {"name": name, "title": f"{title} ({name})"})
    if not _is_named(renamed, name):
        raise UserError("The recipe cannot be given the name of the branch.",
                        "Write name and title as lines of their own under [pack], as resources/recipes do.")
    make_folder(folder)
    with writing(path) as file:
        file.write_text(renamed, encoding="utf-8")
    return path


def check_recipe(text: str, name: str) -> None:
    """Raise `UserError` where a text is no recipe, as far as can be seen without training by it."""
    recipe = _parsed(text, name)
    for section in ("pack", "data"):
        _section(recipe, section, name)


def _renamed(text: str, values: Mapping[str, str]) -> str:
    """A recipe with other values in the lines of its section [pack]; comments and order stay."""
    lines, section = text.splitlines(keepends=True), ""
    for at, line in enumerate(lines):
        if found := re.match(r"\s*\[([^\[\]]+)\]", line):
            section = found[1].strip()
        elif section == "pack" and (found := re.match(r"\s*(\w+)\s*=", line)) and found[1] in values:
            lines[at] = f"{found[1]} = {json.dumps(values[found[1]], ensure_ascii=False)}\n"
    return "".join(lines)


def _is_named(text: str, name: str) -> bool:
    try:
        return bool(tomllib.loads(text)["pack"]["name"] == name)
    except (tomllib.TOMLDecodeError, KeyError):
        return False


def _run(work: Path) -> dict[str, Any]:
    """What is known of the run that was begun in the folder beside a pack; empty where there was none."""
    try:
        raw = json.loads((work / RUN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return raw if isinstance(raw, dict) else {}


def _data_of(work: Path) -> Path | None:
    """The data that an earlier run was given; None where it is not known."""
    return Path(str(data)) if (data := _run(work).get("data")) else None


def begun_part(out: Path) -> str:
    """The part that an earlier run for this folder trains, which can be resumed; "" where there was none."""
    work = work_folder(out)
    part = _run(work).get("part")
    return str(part) if part else "base" if _holds_any(work / "checkpoints") else ""  # begun by an earlier version


def has_learned(out: Path) -> bool:
    """Whether the run for this folder has kept something that can be gone on from."""
    return _holds_any(work_folder(out) / "checkpoints")


def _holds_any(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())


def work_folder(out: Path) -> Path:
    """Beside the pack, not in it: a pack holds nothing that is not in its manifest."""
    return out.parent / f"{out.name}.training"


def shipped_recipes() -> list[Path]:
    """The recipes that come with the program, by name."""
    return sorted((Path(medsynth_app.__file__).resolve().parent.parent / "resources" / "recipes").glob("*.toml"))


def read_layout(recipe: Path) -> dict[str, Any]:
    """The ``[data]`` section of a recipe."""
    return _section(_read(recipe), "data", recipe.name)


def domain_of(recipe: Path) -> tuple[str, str]:
    """Domain and name of the pack that a recipe makes; raises `UserError` where it is none."""
    pack = _section(_read(recipe), "pack", recipe.name)
    return str(pack.get("domain", "")), str(pack.get("name", ""))


def is_for(recipe: Path, part: str) -> bool:
    """Whether a recipe tells how to train a part; of one that cannot be read nobody knows, so it is not for any."""
    try:
        return SECTIONS[part] in _read(recipe)
    except UserError:
        return False


def read_recipe(recipe: Path) -> str:
    """The text of a recipe; raises `UserError` where it cannot be read."""
    try:
        return recipe.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"  # its words hold the path
        raise UserError(f"The recipe {recipe.name} cannot be read: {why}.",
                        "Give a TOML file such as those in resources/recipes.", details=type(error).__name__) from error


def _read(recipe: Path) -> dict[str, Any]:
    return _parsed(read_recipe(recipe), recipe.name)


def _parsed(text: str, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:  # says where, and nothing of what stands there
        raise UserError(f"The recipe {name} is no TOML: {error}.",
                        "Mend that line, or compare it with a recipe in resources/recipes.") from error


def _section(recipe: dict[str, Any], section: str, name: str) -> dict[str, Any]:
    found = recipe.get(section)
    if not isinstance(found, dict):
        raise UserError(f"The recipe {name} has no [{section}] section.",
                        "Compare it with a recipe in resources/recipes.")
    return found
