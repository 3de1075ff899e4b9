"""Which pictures are searched for cells, and what they are called."""

from __future__ import annotations

from pathlib import Path

import pytest

from medsynth_app.actions.detect import detect, detect_request
from medsynth_app.core.errors import UserError
from medsynth_app.core.job import Lane
from medsynth_app.jobs.queue import JobQueue
from medsynth_app.workspace.workspace import Workspace
from tests.actions.bench import make_pack, png
from tests.plugin_api.installed import install


def test_pictures_and_folders_are_named_from_where_the_cells_are_written(tmp_path: Path) -> None:
    for name in ("fields", "elsewhere"):
        (tmp_path / name).mkdir()
    first, second = png(tmp_path / "fields" / "a.png"), png(tmp_path / "elsewhere" / "b.png")
    request = detect_request([first.parent, first, second], tmp_path / "fields" / "cells.csv")
    assert request.fields.ids() == ("a.png", str(second.resolve()))
    with Workspace.open(tmp_path / "work") as workspace:
        queue = JobQueue(workspace.jobs, lambda record, event: None)  # never started
        detect(queue, request)
        record, = queue.records()
        queue.close()
    assert record.lane is Lane.BACKGROUND
    assert str(tmp_path) not in record.title


def test_what_finds_the_cells_is_chosen_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture, out = png(tmp_path / "a.png"), tmp_path / "cells.csv"
    pack = make_pack(tmp_path / "packs", "mine", kind="detector").folder
    name = install(tmp_path, monkeypatch)

    def chosen(engine: str | None) -> tuple[str, str]:
        request = detect_request([picture], out, engine)
        return Path(request.model.folder).name if request.model else "", request.plugin

    assert chosen("classical") == ("", "")
    assert chosen(str(pack)) == ("mine", "")
    assert chosen(name) == ("", name)
    monkeypatch.setattr("medsynth_app.actions.packs.default_pack_folders", lambda: [tmp_path / "none"])
    assert chosen(None) == ("", "")  # without the shipped one
    monkeypatch.setattr("medsynth_app.actions.detect.DEFAULT_DETECTOR", "mine")
    monkeypatch.setattr("medsynth_app.actions.packs.default_pack_folders", lambda: [tmp_path / "packs"])
    assert chosen(None) == ("mine", "")
    with pytest.raises(UserError, match=f"no detector 'nobody'.*mine; and classical, broken, {name}"):
        detect_request([picture], out, "nobody")


def test_what_cannot_be_searched_is_told(tmp_path: Path) -> None:
    picture = png(tmp_path / "a.png")
    (tmp_path / "empty").mkdir()
    for images, out, complaint in (([tmp_path / "no.png"], "cells.csv", "no.png"), ([], "cells.csv", "No pictures"),
                                   ([picture], "cells.txt", "cells.txt"), ([tmp_path / "empty"], "cells.csv", "empty")):
        with pytest.raises(UserError, match=complaint):
            detect_request(images, tmp_path / out)
