"""What a model sees of grey images: by pack, modality and volume, never by the slice or the window in view."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from medsynth_app.core import intensity
from medsynth_app.core.bounds import Bounds
from medsynth_app.core.errors import UserError
from medsynth_app.core.image import FrameInfo, FrameKey, ImageInfo, ImageSource, Rescale
from medsynth_app.core.intensity import CT_RANGE, SLICES, IntensityRange, VolumeSample, intensity_range

HU = Rescale(1, -1024, "HU")


def about(pixels: npt.NDArray[Any], **values: Any) -> FrameInfo:
    limits = np.iinfo(pixels.dtype)
    return FrameInfo(FrameKey("sha256:0"), *pixels.shape,
                     **{"stored_range": (int(limits.min), int(limits.max)), **values})


def seen(pixels: npt.NDArray[Any], modality: str | None, named: dict[str, IntensityRange] | None = None,
         **values: Any) -> IntensityRange:
    frame = about(pixels, **values)
    return intensity_range(modality, frame, named or {}, lambda: VolumeSample.of([(pixels, frame)]))


def head(wild: int | None = None) -> npt.NDArray[np.int16]:
    """Two thirds air of noise round tissue of 300 to 1000, of that 0.4 % fat of 1500."""
    rng = np.random.default_rng(5)
    values = rng.rayleigh(8, 60_000).astype(np.int16)
    values[:20_000] = rng.integers(300, 1001, 20_000)
    values[:80] = 1500
    if wild is not None:
        values[0] = wild
    return values.reshape(240, 250)


class Stack(ImageSource):
    """Slices of one value each; some of them cannot be read."""

    def __init__(self, count: int, channels: int = 1, broken: tuple[int, ...] = ()) -> None:
        self.read: list[int] = []
        self._broken = broken
        frames = tuple(FrameInfo(FrameKey("sha256:0", k), 40, 30, stored_range=(0, 65535),
                                 channel=k % channels if channels > 1 else None) for k in range(count))
        self._info = ImageInfo("Image-0", None, "", "grey", frames)

    @property
    def info(self) -> ImageInfo:
        return self._info

    def region(self, frame: int, bounds: Bounds, level: int = 0) -> npt.NDArray[np.uint16]:
        self.read.append(frame)
        if frame in self._broken:
            raise UserError("Slice is damaged.", "Copy it again.")
        return np.full((bounds.height, bounds.width), 1000 + frame, np.uint16)

    def close(self) -> None:
        pass


def test_ct_in_hu_has_fixed_ends_unless_the_pack_names_its_own() -> None:
    brain = np.random.default_rng(0).integers(1044, 1084, (40, 40)).astype(np.int16)
    lung = IntensityRange(-1000, 200)
    assert seen(brain, "CT", rescale=HU) == CT_RANGE == IntensityRange(-160, 240)
    assert seen(brain, "CT", {"CT": lung, "MR": IntensityRange(0, 1)}, rescale=HU) == lung
    assert seen(brain, "CT", {"CT": lung}).low >= 1044  # no HU, so that the pack's do not fit


def test_mr_is_what_the_body_holds_without_the_air_round_it() -> None:
    found = seen(head(), "MR")
    assert 300 <= found.low <= 310  # 0.5 % of the tissue
    assert found.high == 1500       # the top 0.2 % alone is left out: fat, 0.4 % of the body, is not burnt out
    assert seen(head(), None).low < 5 and seen(head(), "CR").low < 5  # of others nobody knows what is background


def test_mr_that_fills_the_picture_keeps_its_dark_tissue() -> None:
    inside = np.random.default_rng(1).normal(500, 80, (100, 100)).astype(np.int16)
    found = seen(inside, "MR")
    assert found.low == pytest.approx(np.percentile(inside, 0.5), abs=2)
    assert found.high == pytest.approx(np.percentile(inside, 99.8), abs=2)


@pytest.mark.parametrize("modality", ["MR", "PT", None])
@pytest.mark.parametrize("wild", [32767, -32768])
def test_a_wild_voxel_does_not_flatten_the_rest(modality: str | None, wild: int) -> None:
    clean, spoilt = seen(head(), modality), seen(head(wild), modality)
    assert spoilt.low == pytest.approx(clean.low, abs=3) and spoilt.high == pytest.approx(clean.high, abs=3)


def test_padding_is_left_out() -> None:
    pixels = np.random.default_rng(2).integers(200, 1001, (64, 64)).astype(np.int16)
    pixels[:30] = -2000
    pixels[30] = -1999
    assert seen(pixels, "PT").low == -2000
    found = seen(pixels, "PT", padding=(-2000, -1999))
    assert 200 <= found.low <= 210 and 990 <= found.high <= 1000
    assert seen(np.full((8, 8), 7, np.int16), "PT", padding=(7, 7)) == IntensityRange(-32768, 32767)  # nothing is left


def test_eight_bits_are_seen_whole_and_label_maps_over_the_bits_in_use() -> None:
    photo = np.random.default_rng(3).integers(20, 90, (50, 50)).astype(np.uint8)
    assert seen(photo, None) == seen(photo, "US") == IntensityRange(0, 255)
    labels = np.zeros((300, 300), np.uint8)
    for largest, high in ((1, 1), (3, 3), (4, 7), (12, 15), (255, 255)):
        labels[7, 9] = largest  # one pixel is enough
        assert seen(labels, None) == IntensityRange(0, high)
    assert seen(np.zeros((9, 9), np.uint8), None) == IntensityRange(0, 1)


def test_a_volume_of_one_value_has_a_range() -> None:
    found = seen(np.full((20, 20), 500, np.uint16), "MR", rescale=Rescale(0.5, 0))
    assert found == IntensityRange(250, 250.5)


def test_the_rescale_of_each_slice_counts() -> None:
    slices = [(np.full((9, 9), 100, np.int16), Rescale(slope, 0)) for slope in (1, 2, 4)]
    values = VolumeSample.of((pixels, about(pixels, rescale=rescale)) for pixels, rescale in slices).values
    assert sorted(set(values.tolist())) == [100, 200, 400]


def test_a_volume_is_looked_at_in_a_few_slices_from_end_to_end() -> None:
    source = Stack(384)
    values = VolumeSample.of_volume(source, 200).values
    assert len(source.read) == SLICES and (min(source.read), max(source.read)) == (0, 383)
    assert not values.flags.writeable
    np.testing.assert_array_equal(VolumeSample.of_volume(Stack(384), 3).values, values)  # whatever is in view


def test_of_large_slices_fewer_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intensity, "LOOKED_AT", 3 * 40 * 30)
    source = Stack(9)
    VolumeSample.of_volume(source, 1)
    assert source.read == [0, 4, 8]
    monkeypatch.setattr(intensity, "LOOKED_AT", 40 * 30 - 1)
    source = Stack(9)
    VolumeSample.of_volume(source, 1)
    assert source.read == [4]


def test_each_channel_has_its_own_values_and_a_damaged_slice_is_left_out() -> None:
    source = Stack(9, channels=3, broken=(4,))
    assert set(VolumeSample.of_volume(source, 1).values.tolist()) == {1001, 1007}
    assert source.read == [1, 4, 7]
    assert len(VolumeSample.of_volume(Stack(1, broken=(0,)), 0).values) == 0


def test_large_slices_are_thinned_along_both_sides() -> None:
    columns = np.tile(np.arange(2048, dtype=np.uint16), (2048, 1))
    values = VolumeSample.of([(columns, about(columns))], most=4096).values
    assert len(values) <= 4096 + 2 and len(np.unique(values)) >= 64
    assert (values[0], values[-1]) == (0, 2047)


@pytest.mark.parametrize("ends", [(1, 1), (2, 1), (float("nan"), 1), (0, float("inf"))])
def test_no_range(ends: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="range"):
        IntensityRange(*ends)
