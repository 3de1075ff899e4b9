"""``packs``: what is installed, what it says of itself, whether it is whole; adding and removing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from medsynth_app.actions.install_pack import import_pack, remove_pack
from medsynth_app.actions.packs import find_pack, list_packs, verify_packs
from medsynth_app.cli.common import Answer, JsonOption, WorkspaceOption, command
from medsynth_app.core.errors import UserError
from medsynth_app.core.pack_files import InstalledPack
from medsynth_app.workspace.workspace import Workspace

packs = typer.Typer(help="The model packs that are installed.")

PackArgument = Annotated[str, typer.Argument(help="Name of an installed pack, or the folder of one.")]
FolderArgument = Annotated[Path, typer.Argument(exists=True, file_okay=False, help="The folder of a pack.")]


@command(packs, "list")
def packs_list(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> Answer:
    """The packs that are found, with domain, licence and hash."""
    found = list_packs(kind=None)
    table = Table("name", "version", "kind", "domain", "native size", "licence", "sha256", box=None)
    table.columns[0].no_wrap = True  # a name that is cut cannot be copied
    table.columns[0].min_width = max((len(pack.manifest.name) for pack in found), default=0)
    for pack in found:
        about = pack.manifest
        table.add_row(about.name, about.version, about.kind, about.domain, str(about.native_size), about.licence,
                      about.sha256[:12])
    return Answer([_facts(pack) for pack in found], table if found else "No model pack is installed.")


@command(packs, "show")
def packs_show(pack: PackArgument, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> Answer:
    """All that a pack says of itself."""
    found = find_pack(pack, kind=None)
    about = found.manifest
    data: dict[str, Any] = {**_facts(found), "intended_use": about.intended_use, "knows_not": about.knows_not,
                            "known_failures": list(about.known_failures), "colour": about.colour,
                            "mask_labels": list(about.mask_labels), "default_prompt": about.default_prompt,
                            "training_data": [{"name": each.name, "samples": each.samples, "licence": each.licence,
                                               "citation": each.citation, "split_by": each.split_by,
                                               "synthetic": each.synthetic} for each in about.training_data],
                            "files": dict(about.files),
                            "bytes": sum(path.stat().st_size for path in found.folder.rglob("*") if path.is_file())}
    lines = [f"{name.replace('_', ' ')}: {_shown(value)}" for name, value in data.items()
             if value not in ("", [], {}) and name != "files"]
    lines.append(f"files: {len(about.files)}")
    return Answer(data, "\n".join(lines))


@command(packs, "verify")
def packs_verify(folder: Annotated[Path | None, typer.Argument(
        exists=True, file_okay=False, help="A pack, or a folder of packs; without it those that are installed.")]
        = None, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> Answer:
    """Compare every file of every pack with its recorded hash; exit status 2 when one differs."""
    folders = None if folder is None else [folder]
    left_out: list[str] = []
    checks = verify_packs(folders, left_out)
    data: list[dict[str, Any]] = []
    lines = []
    for check in checks:
        about = check.pack.manifest
        data.append({"name": about.name, "kind": about.kind, "whole": check.whole, "problems": list(check.problems)})
        lines.append(f"{about.name} ({about.kind}): {' '.join(check.problems) or 'every file has its recorded hash'}")
    for problem in left_out:
        data.append({"name": None, "kind": None, "whole": False, "problems": [problem]})
        lines.append(problem)
    if folder is not None and not data:
        raise UserError(f"There is no model pack in {folder.name}.",
                        "Name the folder that holds its pack.json, or a folder of such folders.")
    return Answer(data, "\n".join(lines) or "No model pack is installed.",
                  failed=bool(left_out) or not all(check.whole for check in checks))


@command(packs, "import")
def packs_import(folder: FolderArgument, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> Answer:
    """Copy a pack, e.g. one that `train --out` made or from a USB stick, to where the program finds it."""
    with _opened(workspace) as opened:
        pack, _changes = import_pack(opened, folder, opened.people.current_id)
    return Answer(_facts(pack), f"{pack.manifest.name} {pack.manifest.version} is installed in {pack.folder}")


@command(packs, "remove")
def packs_remove(pack: Annotated[str, typer.Argument(help="Name of a pack that was added.")],
                 workspace: WorkspaceOption = None, as_json: JsonOption = False) -> Answer:
    """Delete a pack that was added; those that come with the program stay."""
    found = find_pack(pack, kind=None)
    with _opened(workspace) as opened:
        remove_pack(opened, found, opened.people.current_id)
    return Answer({"removed": found.manifest.name, "sha256": found.manifest.sha256},
                  f"{found.manifest.name} {found.manifest.version} was removed.")


def _opened(folder: Path | None) -> Workspace:
    return Workspace.open(folder) if folder is not None else Workspace.temporary()


def _facts(pack: InstalledPack) -> dict[str, Any]:
    about = pack.manifest
    return {"name": about.name, "version": about.version, "kind": about.kind, "domain": about.domain,
            "title": about.title, "modalities": list(about.modalities), "native_size": about.native_size,
            "licence": about.licence, "sha256": about.sha256, "folder": str(pack.folder)}


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return "; ".join(_shown(each) for each in value)
    if isinstance(value, dict):
        return ", ".join(f"{name.replace('_', ' ')} {each}" for name, each in value.items() if each not in ("", 0))
    return str(value)
