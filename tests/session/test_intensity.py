"""The display window decides no stored value, and neither it nor the model's range depends on the slice in view."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import SimpleITK as sitk

from medsynth_app.core.image import ImageInfo, Rescale
from medsynth_app.core.intensity import IntensityRange, VolumeSample
from medsynth_app.core.jobs.inpaint import InpaintRequest
from medsynth_app.core.jobs.stored import from_parts
from medsynth_app.core.window_level import CT_PRESETS, WindowLevel
from medsynth_app.session.session import Session
from medsynth_app.session.window_level import starting_window
from tests.actions.bench import paint
from tests.core.test_intensity import about
from tests.formats.making import save_series


def head(folder: Path) -> Path:
    """Twelve slices of an MR head without modality; each brighter than the one before, the first half air."""
    rng = np.random.default_rng(0)
    slices = [rng.normal(100 * k, 10, (40, 30)) * (np.arange(40)[:, None] >= 20) for k in range(1, 13)]
    sitk.WriteImage(sitk.GetImageFromArray(np.stack(slices).clip(0).astype(np.int16)), str(folder / "head.nii.gz"))
    return folder / "head.nii.gz"


def asked(session: Session) -> InpaintRequest:
    request = from_parts(*session.workspace.jobs.load(session.inpaint.run().jobs[0]))
    assert isinstance(request, InpaintRequest)
    return request


def test_a_volume_is_shown_and_seen_the_same_from_every_slice(session: Session, tmp_path: Path) -> None:
    document = session.documents.open(head(tmp_path))
    first = session.view.window_level
    assert first is not None and first.high == pytest.approx(1210, abs=30)  # the brightest slice is not the middle one
    ranges = set()
    for index in (0, 6, 11):
        session.view.set_index(index)
        assert session.view.auto_window() == first
        paint(document, index, (22, 5, 30, 15))
        ranges.add(asked(session).image.intensity_range)
    assert len(ranges) == 1 and None not in ranges


def test_no_display_window_changes_what_is_asked(session: Session, tmp_path: Path) -> None:
    document = session.documents.open(save_series(tmp_path / "ct", [(0, 0, 4 * k) for k in range(3)]))
    paint(document, session.view.index, (10, 10, 20, 20))
    session.inpaint.set(mode="vary", seed=3)
    requests = []
    for window in (*CT_PRESETS, WindowLevel(0, 1)):
        session.view.set_window_level(window)
        requests.append(asked(session))
    assert {request.image.intensity_range for request in requests} == {IntensityRange(-160, 240)}
    assert len({(request.image.crop.tobytes(), request.notices) for request in requests}) == 1
    assert requests[0].image.unit == "HU"


def window(pixels: npt.NDArray[Any], modality: str | None, **values: Any) -> WindowLevel:
    frame = about(pixels, **values)
    info = ImageInfo("", modality, "", "grey", (frame,))
    found = starting_window(info, 0, lambda: VolumeSample.of([(pixels, frame)]))
    assert found is not None
    return found


def test_an_automatic_window_leaves_padding_and_wild_values_out() -> None:
    tissue = np.random.default_rng(1).integers(200, 1001, (64, 64)).astype(np.int16)
    tissue[:, :20] = -2000
    tissue[0, 63] = 32767
    found = window(tissue, "MR", padding=(-2000, -2000))
    assert 200 <= found.low <= 215 and 985 <= found.high <= 1000 and found.name == "Auto"


@pytest.mark.parametrize(("largest", "high"), [(1, 1), (3, 3), (15, 15), (16, 31), (255, 255)])
def test_few_values_of_eight_bits_are_shown_over_the_bits_in_use(largest: int, high: int) -> None:
    labels = (np.random.default_rng(0).random((50, 50)) > 0.9).astype(np.uint8) * np.uint8(largest)
    found = window(labels, None)
    assert (found.low, found.high, found.name) == (0, high, "Full range")


def test_a_ct_starts_with_a_preset_and_never_asks_for_values() -> None:
    def sample() -> VolumeSample:
        raise AssertionError("a CT was read for its window")

    frame = about(np.zeros((4, 4), np.int16), rescale=Rescale(1, -1024, "HU"))
    found = starting_window(ImageInfo("", "CT", "", "grey", (frame,)), 0, sample)
    assert found is not None and found.name == "Soft tissue"
