"""``rank`` and ``simulate-labelling``: which cells an expert should label first, and what that saves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from medsynth_app.actions.embed import embed, embed_request, list_pictures
from medsynth_app.actions.out_folder import out_file, out_folder
from medsynth_app.actions.packs import find_pack
from medsynth_app.actions.rank import BUDGET, check_simulation, labels_seen, rank_request, simulate_request
from medsynth_app.actions.rank import rank as queue_ranking
from medsynth_app.cli.common import Answer, JsonOption, OutOption, WorkspaceOption, command
from medsynth_app.core.errors import UserError
from medsynth_app.core.job import Lane
from medsynth_app.datasets.listing import LABELS
from medsynth_app.formats.cell_tables import read_cells
from medsynth_app.headless import headless
from medsynth_app.ranking.catalogue import DEFAULT, STRATEGIES

app = typer.Typer()
_NAMES = ", ".join(entry.name for entry in STRATEGIES)


@command(app, "rank")
def rank(embeddings: Annotated[Path, typer.Argument(metavar="E.npz", help="What `medsynth embed` wrote.")],
         out: Annotated[Path, typer.Option("--out", dir_okay=False, help="The file to write, ranked.csv.")],
         labels: Annotated[Path | None, typer.Option(
             "--labels", help="CSV of the labels that there are: cell_id or file, and class.")] = None,
         cells: Annotated[Path | None, typer.Option(
             "--cells", help="CSV of the cells (image, confidence ...); its columns stand in the result too.")] = None,
         strategy: Annotated[str | None, typer.Option(
             "--strategy", help=f"One of: {_NAMES}; {DEFAULT} when not given.")] = None,
         budget: Annotated[int | None, typer.Option(
             "--budget", help=f"How many cells are wanted at most; {BUDGET} when not given.")] = None,
         seed: Annotated[int, typer.Option("--seed", help="Of all that is chosen by chance.")] = 0,
         like: Annotated[list[str] | None, typer.Option(
             "--like", metavar="CELL_ID", help="Find the cells that look like this one; may be repeated.")] = None,
         groups: Annotated[int | None, typer.Option(
             "--groups", metavar="N", min=1,
             help="Write N pages of up to 60 cells that are thought alike, the surest first; those to look at before a "
                  "page is labelled as one are marked.")] = None,
         workspace: WorkspaceOption = None, as_json: JsonOption = False) -> Answer:
    """Put cells in the order in which an expert should label them, each with its reason."""
    request = rank_request(embeddings, strategy, budget, out, labels=labels, cells=cells, seed=seed, like=like or (),
                           pages=groups or 0)
    with out_file(out), headless(workspace, lane=Lane.INTERACTIVE, quiet=as_json) as here:
        here.run(queue_ranking(here.queue, request, here.person_id))
    rows = list(read_cells(out).rows.values())
    said = {"out": str(out), "ranked": len(rows), "strategy": rows[0]["strategy"] if rows else request.strategy,
            "seed": seed}
    if not groups:
        return Answer(said, f"{out}  {len(rows)} cells")
    pages = list({row["page"]: row["taken_for"] for row in rows}.values())
    fewer = "; there are no more" if len(pages) < groups else ""
    return Answer({**said, "pages": pages},
                  f"{out}  {len(pages)} page{'' if len(pages) == 1 else 's'} of {len(rows)} cells{fewer}")


@command(app, "simulate-labelling")
def simulate(dataset: Annotated[Path, typer.Argument(
                 metavar="DATASET", help="Folder with labels.csv or a folder for each class; or E.npz that `medsynth "
                                         "embed` wrote.")],
             out: OutOption,
             encoder: Annotated[str | None, typer.Option(
                 "--encoder", help="Name or folder of an encoder's pack, for a folder of pictures.")] = None,
             labels: Annotated[Path | None, typer.Option(
                 "--labels", help="CSV: cell_id or file, class, and where known split (train, test) and patient; by "
                                  "default the folder's own.")] = None,
             strategy: Annotated[list[str] | None, typer.Option(
                 "--strategy", help=f"One or more of: {_NAMES}; or all.")] = None,
             budget: Annotated[int, typer.Option("--budget", help="Labels in all.")] = 640,
             batch: Annotated[int, typer.Option("--batch", help="Labels at a time.")] = 16,
             seeds: Annotated[int, typer.Option("--seeds", help="Runs of each strategy.")] = 5,
             imbalance: Annotated[float, typer.Option(
                 "--imbalance", help="Make half of the classes so much rarer, others with each seed.")] = 1.0,
             rare: Annotated[list[str] | None, typer.Option(
                 "--rare", help="Class that --imbalance makes rarer; may be repeated.")] = None,
             groups: Annotated[bool, typer.Option(
                 "--groups", help="Have it label in groups too, page after page, after the first labels.")] = False,
             workspace: WorkspaceOption = None, as_json: JsonOption = False) -> Answer:
    """Have an oracle label cells whose classes are known, in the order of each strategy.

    Use embeddings of an encoder that never saw these labels: one that did makes every strategy look better, which is
    told.
    """
    chosen = strategy or [DEFAULT]
    names = [entry.name for entry in STRATEGIES if not entry.generated] if "all" in chosen else chosen
    check_simulation(names, budget=budget, batch=batch, seeds=seeds, imbalance=imbalance)
    if rare and imbalance == 1:
        raise UserError("No class is made rarer, so --rare would be ignored.", "Say with --imbalance how much rarer.")
    if encoder is not None and not dataset.is_dir():
        raise UserError("An encoder has looked at these cells already, so --encoder would be ignored.",
                        "Leave it out, or give the folder of the pictures.")
    with headless(workspace, lane=Lane.BACKGROUND, quiet=as_json) as here, out_folder(out):
        embeddings = dataset
        if dataset.is_dir():
            if encoder is None:
                raise UserError("Pictures are compared by an encoder.", "Name one with --encoder.")
            embeddings = out / "embeddings.npz"
            pack = find_pack(encoder, kind="encoder")
            here.run(embed(here.queue, embed_request(pack, list_pictures(dataset), embeddings), here.person_id))
            taught = pack.manifest.taught
            if labels is None and (dataset / LABELS).is_file():
                labels = dataset / LABELS
        else:
            taught = labels_seen(embeddings)
        request = simulate_request(embeddings, labels, names, out, budget=budget, batch=batch, seeds=seeds,
                                   imbalance=imbalance, rare=rare or (), groups=groups, taught=taught)
        here.run(queue_ranking(here.queue, request, here.person_id))
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    table = Table("strategy", "labels to 90 %", "to 95 %", "mean macro-F1", "rare among 160", box=None)
    for name, found in summary["strategies"].items():
        rare = found.get("rare_found_at_160")
        table.add_row(name, *(str(found[key]) if found[key] else "not reached"
                              for key in ("labels_to_90", "labels_to_95")),
                      f"{found['aulc']['mean']:.3f}", "" if rare is None else f"{rare:.1f}")
    told = [summary["warning"]] if summary["warning"] else []
    if held := summary.get("groups", {}).get("held"):
        pages, labels = summary["groups"]["pages"], summary["groups"]["labels_per_decision"]["mean"]
        told.append(f"In groups: {labels:.1f} labels per decision; the interval held on {held['mean']:.0%} of "
                    f"{pages} pages.")
    table.caption = "\n".join(told) or None
    return Answer({"out": str(out), **summary}, table)
