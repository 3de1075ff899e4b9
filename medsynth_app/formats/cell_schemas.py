"""Sets of classes as TOML files: those in ``resources/schemas``, and a lab's own."""

from __future__ import annotations

import tomllib
from pathlib import Path

import medsynth_app
from medsynth_app.core.cell_schema import CellSchema
from medsynth_app.core.errors import UserError
from medsynth_app.core.files import writing

FOLDER = Path(medsynth_app.__file__).resolve().parent.parent / "resources" / "schemas"
LARGEST = 2**20  # bytes


def shipped_schemas() -> tuple[CellSchema, ...]:
    """Those that come with the program, by name."""
    return tuple(sorted((read_schema(path) for path in FOLDER.glob("*.toml")), key=lambda schema: schema.name))


def read_schema(path: Path) -> CellSchema:
    """Read one; its id is the file's name.

    Raises
    ------
    UserError
        No such file, no TOML, no set of classes.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise UserError(f"The file {path.name} is too large for a set of classes.", "Give another file.")
        plain = tomllib.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise UserError(f"The file {path.name} cannot be read: {error.strerror or 'disk error'}.",
                        "Give a TOML file with classes.",
                        details=type(error).__name__) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        why = error if isinstance(error, tomllib.TOMLDecodeError) else "it is no text in UTF-8"  # and nothing of it
        raise UserError(f"The file {path.name} is no TOML: {why}.", "resources/schemas holds examples.",
                        details=type(error).__name__) from error
    return CellSchema.from_plain({**plain, "id": path.stem.lower()})


def write_schema(path: Path, schema: CellSchema) -> None:
    """Write one; raises `UserError` when the file cannot be written."""
    lines = [f"name = {_text(schema.name)}"]
    for each in schema.classes:
        lines += ["", "[[classes]]", *(f"{name} = {_text(value)}" for name, value in vars(each).items() if value)]
    with writing(path) as part:
        part.write_text("\n".join(lines) + "\n", "utf-8")


def _text(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{"".join(mark if mark.isprintable() else " " for mark in escaped)}"'
