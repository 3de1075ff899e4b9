"""``packs``: what is installed, and whether it is whole."""

from __future__ import annotations

import typer
from rich.table import Table

from medsynth_app.actions.packs import list_packs, unreadable_packs, verify_packs
from medsynth_app.cli.common import Answer, JsonOption, WorkspaceOption, command

packs = typer.Typer(help="The model packs that are installed.")


@command(packs, "list")
def packs_list(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> Answer:
    """The packs that are found, with domain, licence and hash."""
    table = Table("name", "version", "kind", "domain", "native size", "licence", "sha256", box=None)
    data = []
    for pack in list_packs(kind=None):
        about = pack.manifest
        data.append({"name": about.name, "version": about.version, "kind": about.kind, "domain": about.domain,
                     "title": about.title, "modalities": list(about.modalities), "native_size": about.native_size,
                     "licence": about.licence, "sha256": about.sha256, "folder": str(pack.folder)})
        table.add_row(about.name, about.version, about.kind, about.domain, str(about.native_size), about.licence,
                      about.sha256[:12])
    return Answer(data, table if data else "No model pack is installed.")


@command(packs, "verify")
def packs_verify(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> Answer:
    """Compare every file of every pack with its recorded hash; exit status 2 when one differs."""
    checks = verify_packs()
    data, lines = [], []
    for check in checks:
        about = check.pack.manifest
        data.append({"name": about.name, "kind": about.kind, "whole": check.whole, "problems": list(check.problems)})
        lines.append(f"{about.name} ({about.kind}): {'; '.join(check.problems) or 'every file has its recorded hash'}")
    left_out = unreadable_packs()
    for problem in left_out:
        data.append({"name": None, "kind": None, "whole": False, "problems": [problem]})
        lines.append(problem)
    return Answer(data, "\n".join(lines) or "No model pack is installed.",
                  failed=bool(left_out) or not all(check.whole for check in checks))
