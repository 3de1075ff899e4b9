from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from medsynth_app.core.errors import Cancelled, UserError
from medsynth_app.core.job import EventKind, JobEvent
from medsynth_app.core.jobs.embed import EmbedRequest
from medsynth_app.core.jobs.stored import from_parts, to_parts
from medsynth_app.core.pack_files import hash_files
from medsynth_app.engine.device import choose_device
from medsynth_app.engine.diffusion import pipelines as packs
from medsynth_app.engine.embed import Encoder, load_encoder, run, run_embed, square
from medsynth_app.engine.job import Job
from medsynth_app.formats.embeddings import read_embeddings
from tests.asking import embed_of
from tests.engine.tiny_encoder import make_tiny_encoder


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``tiny-encoder`` and the ``blobs`` that it learned from."""
    folder = tmp_path_factory.mktemp("embed")
    make_tiny_encoder(folder)
    return folder


@pytest.fixture(scope="module")
def encoder(place: Path) -> Encoder:
    return load_encoder(place / "tiny-encoder", choose_device("cpu"))


@pytest.fixture
def own(place: Path, tmp_path: Path) -> Path:
    """A copy of the pack to spoil."""
    return Path(shutil.copytree(place / "tiny-encoder", tmp_path / "own"))


def _pictures(n: int = 40, height: int = 50, width: int = 60) -> np.ndarray[Any, Any]:
    return np.random.default_rng(3).integers(0, 256, (n, height, width, 3), np.uint8)


def _request(place: Path, **changes: Any) -> EmbedRequest:
    names = [row["file"] for row in csv.DictReader((place / "blobs" / "labels.csv").read_text().splitlines())][:40]
    values: dict[str, Any] = {"pack": str(place / "tiny-encoder"), "out": str(place / "E.npz"), "ids": tuple(names),
                              "images": tuple(str(place / "blobs" / name) for name in names), "device": "cpu"}
    return embed_of(**{**values, **changes})


def _run(request: EmbedRequest) -> list[JobEvent]:
    events: list[JobEvent] = []
    run_embed(request, events.append, lambda: False, "job")
    return events


def test_embeddings_repeat_and_do_not_depend_on_the_batch(encoder: Encoder) -> None:
    pixels = _pictures()
    once = encoder.embed(pixels)
    assert once.shape == (40, 32) and once.dtype == np.float32 and encoder.dimensions == 32
    assert np.array_equal(once, encoder.embed(pixels))
    alone = np.concatenate([encoder.embed(pixels[k:k + 1]) for k in (0, 31, 32, 39)])
    assert np.allclose(alone, once[[0, 31, 32, 39]], atol=1e-5)
    assert once.std(axis=0).max() > 1e-4  # pictures differ
    assert encoder.embed(pixels[:0]).shape == (0, 32)


def test_the_middle_is_what_is_seen(encoder: Encoder) -> None:
    pixels = _pictures(1)
    changed = pixels.copy()
    changed[:, :, :5] = 0  # 0.8 of the shorter edge begin at column 10, and resampling looks 4 pixels further
    assert np.array_equal(encoder.embed(pixels), encoder.embed(changed))
    assert not np.array_equal(encoder.embed(pixels, crop=1.0), encoder.embed(changed, crop=1.0))


@pytest.mark.parametrize("box, share, wanted", [
    (None, 1.0, (10, 0, 60, 50)), (None, 0.8, (15, 5, 55, 45)), ((20, 20, 30, 24), 1.0, (20, 17, 30, 27)),
    ((20, 20, 30, 24), 2.0, (15, 12, 35, 32)), ((0, 0, 10, 10), 2.0, (0, 0, 20, 20)),
    ((64, 44, 70, 50), 2.0, (58, 38, 70, 50)), ((0, 0, 70, 50), 3.0, (10, 0, 60, 50)),
    ((5, 5, 6, 6), 0.1, (5, 5, 6, 6))])
def test_the_square_that_is_seen(box: Any, share: float, wanted: tuple[int, ...]) -> None:
    assert square(70, 50, box, share) == wanted


def test_a_job_writes_what_the_encoder_says_of_each_file(place: Path, encoder: Encoder, tmp_path: Path) -> None:
    request = _request(place, out=str(tmp_path / "E.npz"))
    events = _run(request)
    assert [(event.step, event.steps) for event in events if event.kind is EventKind.PROGRESS] == [(32, 40), (40, 40)]
    (result,) = [event for event in events if event.kind is EventKind.RESULT]
    assert result.arrays == {} and result.data == {
        "file": str(tmp_path / "E.npz"), "pictures": 40, "dimensions": 32, "encoder": "tiny-encoder",
        "sha256": encoder.manifest.sha256}
    written = read_embeddings(tmp_path / "E.npz")
    assert written.ids == request.pictures.ids()
    pixels = np.stack([np.asarray(Image.open(file)) for file in request.pictures.paths()])
    assert np.allclose(written.values, encoder.embed(pixels), atol=1e-5)


def test_boxes_of_one_field(place: Path, encoder: Encoder, tmp_path: Path) -> None:
    pixels = _pictures(1, 90, 120)[0]
    Image.fromarray(pixels).save(tmp_path / "field.png")
    boxes = np.array([[10, 10, 30, 30], [60, 40, 90, 70]])
    request = _request(place, ids=("a", "b"), images=(str(tmp_path / "field.png"),) * 2, boxes=boxes, crop=1.0,
                       out=str(tmp_path / "E.npz"))
    kept = from_parts(json.loads(json.dumps(to_parts(request)[0])), to_parts(request)[1])  # as the queue keeps it
    assert isinstance(kept, EmbedRequest)
    _run(kept)
    found = read_embeddings(tmp_path / "E.npz").values
    assert np.allclose(found[0], encoder.embed(pixels[None, :40, :40], crop=0.5)[0], atol=1e-5)
    assert np.allclose(found[1], encoder.embed(pixels[None, 25:85, 45:105], crop=0.5)[0], atol=1e-5)


def test_the_worker_knows_the_job(place: Path) -> None:
    sent: list[Any] = []
    run(_request(place), Job("job", sent.append))
    assert next(event.kind for event in sent if isinstance(event, JobEvent)) is EventKind.STARTED
    assert sent[-1].kind is EventKind.RESULT


def test_a_cancel_ends_the_job_and_writes_nothing(place: Path, tmp_path: Path) -> None:
    asked = iter((False, True))
    with pytest.raises(Cancelled):
        run_embed(_request(place, out=str(tmp_path / "E.npz")), lambda event: None, lambda: next(asked), "job")
    assert list(tmp_path.iterdir()) == []


def test_a_picture_that_cannot_be_read(place: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"no picture")
    with pytest.raises(UserError, match=r"broken\.png cannot be read"):
        _run(_request(place, ids=("a",), images=(str(tmp_path / "broken.png"),)))


def test_16_bits_are_seen_as_8_are(place: Path, tmp_path: Path) -> None:
    ramp = np.tile(np.arange(256, dtype=np.uint16).repeat(2), (40, 1))[:, ::-1]
    ramp[0] = np.resize((0, 255), 512)  # both ends are there, so that the range is all of it
    Image.fromarray(ramp.astype(np.uint8)).save(tmp_path / "eight.png")
    Image.fromarray(ramp * 257).save(tmp_path / "deep.png")
    names = ("eight.png", "deep.png")
    _run(_request(place, ids=names, images=tuple(str(tmp_path / name) for name in names), out=str(tmp_path / "E.npz")))
    eight, deep = read_embeddings(tmp_path / "E.npz").values
    assert np.array_equal(eight, deep)


def test_a_changed_file_a_pickle_or_another_pack_is_refused(own: Path, place: Path) -> None:
    policy = choose_device("cpu")
    (own / "weights.bin").write_bytes(b"harmless")
    with pytest.raises(UserError, match="pickled"):
        load_encoder(own, policy)
    (own / "weights.bin").unlink()
    facts = (own / "encoder.json").read_text()
    (own / "encoder.json").write_text(facts.replace("0.8", "0.9"))
    with pytest.raises(UserError, match="differ"):
        load_encoder(own, policy)
    (own / "encoder.json").write_text(facts)
    assert load_encoder(own, policy).crop == 0.8
    with pytest.raises(UserError, match="not the one"):
        _run(_request(place, pack_sha256="0" * 64))


def test_a_pack_with_weights_in_16_bits_as_they_were_stored_before(own: Path, encoder: Encoder) -> None:
    encoder.model.half().save_pretrained(own)
    encoder.model.float()
    (own / "encoder.safetensors").unlink()
    raw = json.loads((own / "pack.json").read_text())
    (own / "pack.json").write_text(json.dumps({**raw, "files": hash_files(own)}))
    assert (own / "model.safetensors").is_file()
    pixels = _pictures(4)
    assert np.allclose(load_encoder(own, choose_device("cpu")).embed(pixels), encoder.embed(pixels), atol=0.01)


def test_kinds_are_not_mistaken(tiny_pack: Path, place: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="'base', and 'encoder' is needed"):
        load_encoder(tiny_pack, choose_device("cpu"))
    with pytest.raises(UserError, match="'encoder', and 'base' is needed"):
        packs.load_pack(place / "tiny-encoder", "", choose_device("cpu"))
    with pytest.raises(UserError, match="no model pack"):
        load_encoder(tmp_path, choose_device("cpu"))
