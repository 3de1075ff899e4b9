"""Embedding arrays, and the tables that other programs read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from medsynth_app.api import Encoder, UserError
from medsynth_app.datasets.picture import read_rgb
from medsynth_app.formats.embeddings import read_embeddings
from tests.actions.bench import make_pack
from tests.cli.conftest import Run
from tests.engine.tiny_encoder import make_tiny_encoder


def test_arrays_have_the_vectors_of_their_files(same_process: Run, tmp_path: Path) -> None:
    folder = make_tiny_encoder(tmp_path)
    data, out = tmp_path / "blobs", tmp_path / "E.npz"
    same_process("embed", data, "--encoder", folder, "--out", out, "--device", "cpu")
    known = read_embeddings(out)
    assert known.labels[:2] == ("disc", "disc") and set(known.labels) == {"disc", "ring"}
    images = np.stack([read_rgb(data / name) for name in known.ids[:3]])
    with Encoder(folder, device="cpu") as encoder:
        found = encoder.embed(images)
        assert found.dtype == np.float32 and np.array_equal(found, known.values[:3])
        grey = images[0, ..., 0]
        one, two = encoder.embed([grey, images[0][:30]])  # of any size and kind
        assert one.shape == two.shape == found[0].shape and not np.array_equal(one, two)
        air = np.full((40, 40), -1000, np.int16)
        assert np.array_equal(encoder.embed([air], modality="CT"), encoder.embed([np.zeros((40, 40, 3), np.uint8)]))
        encoder.save(tmp_path / "mine.npz", found, ids=known.ids[:3], labels=known.labels[:3])
        encoder.save(tmp_path / "mine.csv", found)
        with pytest.raises(UserError, match="do not fit"):
            encoder.save(tmp_path / "x.npz", found, labels=["disc"])
        broken = found.copy()
        broken[1, 3] = np.nan
        for wrong, complaint in ((broken, "row 1 holds numbers that are not finite"), (found[0], r"shape \(32,\)"),
                                 (found[:, :-1], r"\(n, 32\) floats"), (found.astype(int), "type int"),
                                 ([[1.0], [1.0, 2.0]], "holds no vectors"), (found * np.float64(1e39), "not finite")):
            with pytest.raises(UserError, match=complaint):
                encoder.save(tmp_path / "x.npz", wrong)
        assert not (tmp_path / "x.npz").exists()
        for wrong, complaint in (([], "no images"), (images[0], "one image"), ([images[0, 0, 0]], "no image"),
                                 ([grey.astype(float)], "float64")):
            with pytest.raises(UserError, match=complaint):
                encoder.embed(wrong)
    mine = read_embeddings(tmp_path / "mine.npz")
    assert mine.labels == known.labels[:3] and (mine.encoder, mine.sha256) == (known.encoder, known.sha256)
    head, *rows = (tmp_path / "mine.csv").read_text().splitlines()
    assert head.startswith("id,label,encoder,e0,e1") and len(rows) == 3
    assert np.array_equal(np.float32(rows[1].split(",")[3:]), found[1])


def test_what_is_no_encoder_is_refused(tmp_path: Path) -> None:
    make_pack(tmp_path, "painter")
    with pytest.raises(UserError, match="'encoder' is needed"):
        Encoder(tmp_path / "painter")
