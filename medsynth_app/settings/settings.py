"""Settings and their store: one JSON file, written atomically, migrated by version.

Nothing here names a person, a patient or a file: every text field has a fixed vocabulary or form.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

from platformdirs import user_config_path
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from medsynth_app.core.files import replacing

VERSION = 1
FILE = "settings.json"

Key = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_.]{1,60}$")]  # identifier of an action
_STROKE = r"(?:(?:Ctrl|Shift|Alt|Meta|Num)\+){0,4}(?:\S|[A-Za-z0-9 ]{2,14})"
Keys = Annotated[str, StringConstraints(pattern=rf"^(?:{_STROKE}(?:, {_STROKE}){{0,3}})?$")]  # "Ctrl+Shift+Z"
Base64 = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/=]*$", max_length=20_000)]
Place = Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,30}$")]  # identifier of a place


class Settings(BaseModel):
    """All settings with their defaults; immutable, see `SettingsStore.change`.

    Attributes
    ----------
    shortcuts
        Only what differs from the default set: action identifier to key sequence; "" means no key.
    veil_minutes
        Idle minutes until the images are covered; 0 turns it off.
    brush_pixels, brush_mm
        Diameter of the brush; mm is used where the image has spacing.
    window_geometry, window_state
        What QMainWindow saved of itself, base64.
    mark_exports
        Draw the small visible mark into rendered exports.
    invisible_mark
        Hide `core.hidden_mark` in generated pictures that are exported.
    head_first
        Axial slices are shown from the head to the feet.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    version: Literal[1] = 1
    theme: Literal["system", "light", "dark"] = "system"
    left_handed: bool = False
    shortcuts: dict[Key, Keys] = Field(default_factory=dict)
    veil_minutes: int = Field(default=10, ge=0, le=480)
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    brush_pixels: int = Field(default=12, ge=1, le=2000)
    brush_mm: float = Field(default=5.0, gt=0, le=500)
    preview_every: int = Field(default=2, ge=0, le=1000)
    mask_opacity: float = Field(default=0.45, ge=0, le=1)
    show_effective_mask: bool = True
    show_synthetic_edge: bool = True
    mark_exports: bool = True
    invisible_mark: bool = False
    head_first: bool = False
    place: Place = "library"
    strip_open: bool = True
    more_open: bool = False
    first_run_done: bool = False
    window_geometry: Base64 = ""
    window_state: Base64 = ""


Migration = Callable[[dict[str, Any]], dict[str, Any]]
# MIGRATIONS[n] turns a file of version n into one of version n + 1. Version 0: a file that states none.
MIGRATIONS: dict[int, Migration] = {0: lambda raw: raw}


def default_folder() -> Path:
    """The folder of the settings: ``MEDSYNTH_CONFIG`` where set, else the system's place for it."""
    override = os.environ.get("MEDSYNTH_CONFIG")
    return Path(override) if override else user_config_path("medsynth", appauthor=False)


class SettingsStore:
    """Reads and writes `Settings`.

    Attributes
    ----------
    current
        The settings in force (read on construction).
    notice
        A sentence for the person when the file could not be used, else "".
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._path = (folder or default_folder()) / FILE
        self.notice = ""
        self.current = self.load()

    def load(self) -> Settings:
        """Read the file; defaults (and `notice`, the old file kept as .bak) when it cannot be used."""
        self.notice = ""
        try:
            text = self._path.read_text(encoding="utf-8")
        except FileNotFoundError:
            self.current = Settings()
            return self.current
        except (OSError, UnicodeDecodeError):
            self.current = self._give_up("The settings could not be read")
            return self.current
        try:
            self.current = Settings.model_validate(self._migrated(json.loads(text)))
        except (ValueError, TypeError, KeyError, ValidationError):
            self.current = self._give_up("The settings file was damaged or from another version")
        return self.current

    def save(self, settings: Settings) -> None:
        """Write all settings atomically; a folder that cannot be written leaves them in force until the end."""
        self.current = settings
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(self._path, durable=True, mode=0o600) as part:
                part.write_text(settings.model_dump_json(indent=1) + "\n", encoding="utf-8")
        except OSError:
            self.notice = "The settings could not be saved; they hold until the window is closed."

    def change(self, **values: Any) -> Settings:
        """Change some settings, save and return them; raises ValueError for a value out of range."""
        self.save(Settings.model_validate({**self.current.model_dump(), **values}))
        return self.current

    def _migrated(self, raw: Any) -> dict[str, Any]:
        if not isinstance(raw, dict):
            raise TypeError("no JSON object")
        version = int(raw.get("version", 0))
        if not 0 <= version <= VERSION:
            raise ValueError("written by a newer version")
        values: dict[str, Any] = raw
        while version < VERSION:
            values = {**MIGRATIONS[version](values), "version": version + 1}
            version += 1
        return values

    def _give_up(self, happened: str) -> Settings:
        try:
            os.replace(self._path, self._path.with_suffix(".json.bak"))
            kept = "the old file is kept as settings.json.bak"
        except OSError:
            kept = "the old file is left as it is"
        self.notice = f"{happened}; the defaults are used and {kept}."
        return Settings()
