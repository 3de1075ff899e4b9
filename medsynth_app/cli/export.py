"""``export``: the series of a workspace, with what was accepted into them, as files that stack anywhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from medsynth_app.actions.export_series import SeriesExported, export_series
from medsynth_app.actions.open_image import open_image
from medsynth_app.actions.out_folder import out_folder
from medsynth_app.actions.recent import recent_documents
from medsynth_app.cli.common import GB, AllowOption, Answer, JsonOption, Notices, OutOption, command
from medsynth_app.core.errors import UserError
from medsynth_app.formats.common import ALLOWED_BYTES
from medsynth_app.formats.registry import SERIES_WRITERS
from medsynth_app.workspace.documents import Document
from medsynth_app.workspace.workspace import Workspace

app = typer.Typer()
ALL = 1_000_000


@dataclass
class _Run:
    """One export of several series."""

    workspace: Workspace
    out: Path
    format: str
    allow_bytes: int
    progress: Progress
    notices: Notices = field(default_factory=Notices)
    made: list[dict[str, Any]] = field(default_factory=list)
    left_out: list[dict[str, str]] = field(default_factory=list)

    def export(self, path: Path, series: str = "", known: str | None = None) -> int:
        """Export one series; returns how many slices it has.

        Parameters
        ----------
        known
            Id of the document that must lie there; None: whatever does.
        """
        document = open_image(self.workspace, path, allow_bytes=self.allow_bytes, series=series)
        try:
            if known not in (None, document.id):
                raise UserError("Another image lies where it was opened.", "Put its own files back, or open them in "
                                "the window from where they are now.", safe="The other image was not exported.")
            self.made.append(_said(document, self._written(document)))
            return len(document.info.frames)
        finally:
            document.close()

    def _written(self, document: Document) -> SeriesExported:
        bar = self.progress.add_task(document.info.pseudonym, total=len(document.info.frames))
        found = export_series(self.workspace, document, self.out, self.format,
                              progress=lambda at, of: self.progress.update(bar, completed=at, total=of))
        self.notices.add(f"{document.info.pseudonym}, {document.info.series}: {text}" for text in found.notices)
        return found


@command(app, "export")
def export(workspace: Annotated[Path, typer.Argument(file_okay=False, help="Folder of the workspace.")],
           out: OutOption,
           format: Annotated[str, typer.Option(
               "--format", help=f"{', '.join(SERIES_WRITERS)}; without it each series in its own.")] = "",
           image: Annotated[Path | None, typer.Option(
               "--image", help="This file or folder of slices alone, changed or not.")] = None,
           untouched: Annotated[bool, typer.Option(
               "--all", help="Series that hold nothing generated, too.")] = False,
           allow_gb: AllowOption = ALLOWED_BYTES / GB, as_json: JsonOption = False) -> Answer:
    """Write every series of a workspace that holds accepted results: all its slices, as one series, with a record.

    The workspace is read, never changed; a window may be open on it.
    """
    if format and format not in SERIES_WRITERS:
        raise UserError(f"The format {format!r} is unknown.", f"Use one of {', '.join(SERIES_WRITERS)}.")
    with Workspace.open(workspace, writable=False) as opened, out_folder(out), _progress(as_json) as progress:
        run = _Run(opened, out, format, int(allow_gb * GB), progress)
        if image is not None:
            run.export(image)
        else:
            _export_known(run, untouched)
    data = {"out": str(out), "series": run.made, "left_out": run.left_out, "notices": run.notices.texts}
    lines = [f"{item['path']}  {item['slices']} slices, {item['changed']} with generated pixels" for item in run.made]
    return Answer(data, "\n".join(lines), failed=bool(run.left_out))


def _export_known(run: _Run, untouched: bool) -> None:
    """All series that the workspace knows; one whose files are gone leaves the others alone."""
    wanted = [found for found in recent_documents(run.workspace, ALL) if found.changed or untouched]
    if not wanted:
        raise UserError("No series of this workspace holds accepted results.",
                        "Add --all for those that hold none, or name one with --image.")
    for found in wanted:
        name = f"{found.pseudonym}, {found.series}"
        try:
            if not found.exists:
                raise UserError("Its files are no longer where they were.", "Put them back, or open them in the window "
                                "from their new place.")
            written = run.export(found.path, found.identity.series if found.path.is_dir() else "", found.id)
            if written < found.slices:
                run.notices.add([f"{name}: {found.slices} slices are known, but {written} lie where it was opened."])
        except UserError as error:
            run.left_out.append({"series": name, "happened": error.happened, "remedy": error.remedy})
            run.notices.add([f"{name} was left out. {error}"])
    if not run.made:
        raise UserError("No series could be exported.", "See above for each of them.")


def _said(document: Document, found: SeriesExported) -> dict[str, Any]:
    return {"pseudonym": document.info.pseudonym, "series": document.info.series, "path": str(found.path),
            "record": str(found.record), "slices": found.slices, "changed": found.changed,
            "notices": list(found.notices)}


def _progress(quiet: bool) -> Progress:
    console = Console(stderr=True, quiet=quiet, highlight=False)
    return Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
                    console=console, transient=True, disable=not console.is_terminal)
