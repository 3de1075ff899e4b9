"""Canaries: private names of napari that the layers of `ui.viewer.embed` override; see tests/test_private_names.py."""

from __future__ import annotations

import inspect
from typing import Any


def test_labels_of_napari_refresh_a_part_and_keep_a_history_of_their_own(qapp: Any) -> None:
    """For `ui.viewer.embed.MaskLayer`."""
    from napari.layers import Labels

    assert list(inspect.signature(Labels._save_history).parameters) == ["self", "value"]
    assert isinstance(inspect.getattr_static(Labels, "_history_atom_for_mask_paint"), staticmethod)
    refresh = inspect.getsource(Labels._partial_labels_refresh)
    assert "self._updated_slice is None" in refresh and "self._updated_slice = None" in refresh
    assert "self.events.labels_update(" in refresh


def test_layers_of_napari_draw_their_thumbnail_by_one_method(qapp: Any) -> None:
    """For `ui.viewer.embed.PictureLayer` and `MaskLayer`."""
    from napari.layers import Image, Labels

    for kind in (Image, Labels):
        assert list(inspect.signature(kind._update_thumbnail).parameters) == ["self"]


def test_themes_of_napari_write_their_icons_by_one_function(qapp: Any) -> None:
    """For `ui.viewer.embed`, which lets it write none."""
    from napari.utils import theme

    assert "build_theme_svgs(theme_id, source)" in inspect.getsource(theme.register_theme)
