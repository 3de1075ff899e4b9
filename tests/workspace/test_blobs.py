from __future__ import annotations

import hashlib
import stat
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as some

from medsynth_app.core.errors import UserError
from medsynth_app.workspace.blobs import Blobs


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "blobs")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(array=st.sampled_from(["u1", "<i2", ">u2", "<f4", "?", "<f8"]).flatmap(
    lambda kind: some.arrays(kind, some.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=7))))
def test_arrays_come_back_without_loss(blobs: Blobs, array: np.ndarray) -> None:
    back = blobs.get_array(blobs.put_array(array))
    assert back.dtype == array.dtype and back.shape == array.shape and back.tobytes() == array.tobytes()


def test_named_by_content_and_kept_once(blobs: Blobs, tmp_path: Path) -> None:
    sha = blobs.put(b"pixels" * 100)
    assert sha == hashlib.sha256(b"pixels" * 100).hexdigest() == blobs.put(b"pixels" * 100)
    assert list(blobs.all()) == [sha] and sha in blobs
    (path,) = (path for path in (tmp_path / "blobs").glob("*/*"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert path.stat().st_size < 100


def test_a_view_that_is_not_contiguous(blobs: Blobs) -> None:
    array = np.arange(60, dtype=np.int16).reshape(6, 10)[::2, 1::3]
    assert np.array_equal(blobs.get_array(blobs.put_array(array)), array)


@pytest.mark.parametrize("damage", [b"", b"nonsense", None])
def test_damage_is_told_in_words(blobs: Blobs, tmp_path: Path, damage: bytes | None) -> None:
    sha = blobs.put(b"pixels")
    path = tmp_path / "blobs" / sha[:2] / sha
    if damage is None:
        path.write_bytes((tmp_path / "blobs" / (other := blobs.put(b"other"))[:2] / other).read_bytes())
    else:
        path.write_bytes(damage)
    with pytest.raises(UserError, match="damaged"):
        blobs.get(sha)


def test_leftovers_of_a_killed_writer_go(tmp_path: Path) -> None:
    part = tmp_path / "blobs" / "ab" / "abc.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"half")
    assert list(Blobs(tmp_path / "blobs").all()) == [] and not part.exists()


def test_pinned_blobs_are_not_thrown_away(blobs: Blobs) -> None:
    with blobs.pins() as pins:
        sha = pins.put_array(np.ones(3))
        assert blobs.remove([sha]) == 0 and sha in blobs
    assert blobs.remove([sha]) == 1 and sha not in blobs


def test_read_only(tmp_path: Path) -> None:
    sha = Blobs(tmp_path / "blobs").put(b"pixels")
    blobs = Blobs(tmp_path / "blobs", read_only=True)
    assert blobs.get(sha) == b"pixels"
    with pytest.raises(UserError):
        blobs.put(b"more")


def test_a_full_disk_is_told_in_words(blobs: Blobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("medsynth_app.core.files.os.fsync", full)
    with pytest.raises(UserError, match="disk may be full"):
        blobs.put(b"pixels")
    assert not [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]
