from __future__ import annotations

import numpy as np
import pytest

from medsynth_app.core.bounds import Bounds
from medsynth_app.core.geometry import Geometry
from medsynth_app.core.image import GREY, RGB, FrameInfo, FrameKey, ImageInfo, ImageSource, Level, Pixels
from medsynth_app.core.volume import NoVolume, Volume


class _Regions(ImageSource):
    """A reader that knows regions alone."""

    def __init__(self, colour: str = "grey", sizes: tuple[tuple[int, int], ...] = ((6, 8), (6, 8))) -> None:
        self._info = ImageInfo("Image-ABCDEF", None, "test", colour, tuple(
            FrameInfo(FrameKey("sha256:ab", k), *size,
                      geometry=Geometry(1, 1, 3, (0, 0, 3.0 * k), (1, 0, 0), (0, 1, 0)))
            for k, size in enumerate(sizes)), frame_of_reference="room")

    @property
    def info(self) -> ImageInfo:
        return self._info

    def region(self, frame: int, bounds: Bounds, level: int = 0) -> Pixels:
        about = self.info.frames[frame]
        return (np.arange(about.rows * about.columns).reshape(about.rows, about.columns) + 100 * frame)[bounds.slices]

    def close(self) -> None: ...


def test_a_whole_frame_is_the_small_case_of_a_region() -> None:
    source = _Regions()
    assert source.pixels(1).shape == (6, 8)
    assert np.array_equal(source.pixels(1)[2:4, 1:5], source.region(1, Bounds(2, 1, 4, 5)))
    assert source.levels == (Level(6, 8),) and source.levels[0].downsample == 1
    assert source.channels == GREY and _Regions("rgb").channels == RGB


def test_frames_become_a_volume_where_they_are_one() -> None:
    volume = _Regions().volume()
    assert isinstance(volume, Volume) and volume.frame_of_reference == "room"
    assert volume.grid.shape == (2, 6, 8) and volume.slice(1)[0, 0] == 100
    assert _Regions(sizes=((6, 8), (6, 9))).volume() is NoVolume.UNLIKE
    assert _Regions(sizes=((6, 8),)).volume() is NoVolume.SINGLE


def test_a_frame_key_survives_its_text() -> None:
    key = FrameKey("uid:1.2.3", 4)
    assert FrameKey.parse(str(key)) == key
    with pytest.raises(ValueError, match="invalid literal"):
        FrameKey.parse("uid:1.2.3")
