from __future__ import annotations

import csv
import importlib.util
import io
import zipfile
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest

from medsynth_app.core.errors import UserError
from medsynth_app.formats.embeddings import Embeddings, read_embeddings, write_embeddings
from tests.formats.fuzz.mutations import mutated

VALUES = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)
MADE = Embeddings(("a/1.png", "a/2.png", "ß 3.png"), VALUES, "cell-encoder", "ab" * 32)


def test_numpy_alone_reads_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "E.npz"
    write_embeddings(path, MADE)
    assert [item.name for item in tmp_path.iterdir()] == ["E.npz"]
    with np.load(path) as held:  # allow_pickle is False by default
        assert set(held) == {"ids", "embeddings", "encoder", "sha256"}
        assert held["ids"].tolist() == list(MADE.ids) and np.array_equal(held["embeddings"], VALUES)
        assert held["embeddings"].dtype == np.float32
        assert (str(held["encoder"]), str(held["sha256"])) == ("cell-encoder", "ab" * 32)
    read = read_embeddings(path)
    assert (read.ids, read.encoder, read.sha256) == (MADE.ids, MADE.encoder, MADE.sha256)
    assert np.array_equal(read.values, VALUES)


def test_labels_go_into_every_table(tmp_path: Path) -> None:
    labelled = replace(MADE, labels=("neutrophil", "", "ü, \"b\""))
    write_embeddings(tmp_path / "E.npz", labelled)
    with np.load(tmp_path / "E.npz") as held:
        assert held["labels"].tolist() == list(labelled.labels)
    assert read_embeddings(tmp_path / "E.npz").labels == labelled.labels
    for made in (labelled, MADE):
        write_embeddings(tmp_path / "E.csv", made)
        with (tmp_path / "E.csv").open(newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
        assert [row["id"] for row in rows] == list(MADE.ids)
        assert tuple(row["label"] for row in rows) == (made.labels or ("", "", ""))
        assert rows[0]["encoder"] == "cell-encoder abababababababab"
        assert np.array_equal(np.array([[row[f"e{k}"] for k in range(5)] for row in rows], np.float32), VALUES)
    with pytest.raises(ValueError, match="1 labels"):
        replace(MADE, labels=("one",))


def test_parquet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "E.parquet"
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="pyarrow"):
        write_embeddings(path, MADE)
    monkeypatch.undo()
    parquet = pytest.importorskip("pyarrow.parquet")
    write_embeddings(path, replace(MADE, labels=("a", "b", "")))
    table = parquet.read_table(path)
    assert table.column_names == ["id", "label", "embedding"] and table["id"].to_pylist() == list(MADE.ids)
    assert table["label"].to_pylist() == ["a", "b", ""] and np.array_equal(table["embedding"].to_pylist(), VALUES)
    assert table.schema.metadata[b"medsynth_encoder_sha256"].decode() == MADE.sha256


def test_a_file_that_is_there_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "E.npz").write_bytes(b"old")
    write_embeddings(tmp_path / "E.npz", MADE)
    assert read_embeddings(tmp_path / "E.npz").ids == MADE.ids


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "E.npz").mkdir()
    for path in (tmp_path / "missing" / "E.npz", tmp_path / "E.npz"):
        with pytest.raises(UserError, match="cannot be written"):
            write_embeddings(path, MADE)
    assert [item.name for item in tmp_path.iterdir()] == ["E.npz"]


def _save(path: Path, **changes: object) -> Path:
    arrays = {"ids": np.array(MADE.ids), "embeddings": VALUES, "encoder": np.array("e"), "sha256": np.array("s")}
    np.savez(path, **{**arrays, **changes})  # type: ignore[arg-type]
    return path


@pytest.mark.parametrize("changes", [
    {"ids": np.array(["a", "b"])}, {"ids": np.array(["a", "a", "b"])}, {"ids": np.array([1, 2, 3])},
    {"ids": np.array(["a", None, "b"], dtype=object)}, {"embeddings": VALUES[0]}, {"embeddings": VALUES.astype(int)},
    {"embeddings": VALUES * np.nan}])
def test_other_contents_are_refused(tmp_path: Path, changes: dict[str, object]) -> None:
    assert read_embeddings(_save(tmp_path / "good.npz")).encoder == "e"
    with pytest.raises(UserError, match="no embeddings"):
        read_embeddings(_save(tmp_path / "bad.npz", **changes))


def test_other_files_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "few.npz", ids=np.array(["a"]))
    np.save(tmp_path / "one.npy", VALUES)
    (tmp_path / "text.npz").write_text("ids, embeddings")
    write_embeddings(tmp_path / "cut.npz", MADE)
    (tmp_path / "cut.npz").write_bytes((tmp_path / "cut.npz").read_bytes()[:300])
    (tmp_path / "empty.npz").write_bytes(b"")
    for name in ("few.npz", "one.npy", "text.npz", "cut.npz", "empty.npz"):
        with pytest.raises(UserError, match="no embeddings"):
            read_embeddings(tmp_path / name)
    with pytest.raises(UserError, match="no file"):
        read_embeddings(tmp_path / "missing.npz")


def test_mutated_files_are_read_or_refused(tmp_path: Path) -> None:
    write_embeddings(tmp_path / "E.npz", MADE)
    whole, refused = (tmp_path / "E.npz").read_bytes(), 0
    for k in range(400):
        (tmp_path / "E.npz").write_bytes(mutated(whole, Random(k)))
        try:
            read_embeddings(tmp_path / "E.npz")
        except UserError:
            refused += 1
    assert refused > 300


def test_arrays_that_say_to_be_huge_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": (2**50, 2**10)})
    path = _save(tmp_path / "bad.npz")
    with zipfile.ZipFile(path) as held, zipfile.ZipFile(tmp_path / "huge.npz", "w") as packed:
        for name in held.namelist():
            packed.writestr(name, header.getvalue() if name == "embeddings.npy" else held.read(name))
    with pytest.raises(UserError, match="no embeddings"):
        read_embeddings(tmp_path / "huge.npz")
    monkeypatch.setattr("medsynth_app.formats.embeddings.LARGEST", 100)
    with pytest.raises(UserError, match="more than any set"):
        read_embeddings(path)
    with pytest.raises(UserError, match="usual file"):
        read_embeddings(tmp_path)


def test_embeddings_that_do_not_fit_their_ids() -> None:
    with pytest.raises(ValueError, match="ids"):
        Embeddings(("a", "a", "b"), VALUES, "e", "s")
