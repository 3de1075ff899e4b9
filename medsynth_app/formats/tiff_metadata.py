"""What a TIFF says of its picture beside the pixels: physical size and channels."""

from __future__ import annotations

import math
import re
from typing import Any
from xml.etree import ElementTree

import tifffile

from medsynth_app.core.geometry import Geometry
from medsynth_app.core.image import Channel

_MILLIMETRES = {  # OME's UnitsLength, and what ImageJ writes; units that are no length (pixel) are not here
    "": 1e-3, "Ym": 1e27, "Zm": 1e24, "Em": 1e21, "Pm": 1e18, "Tm": 1e15, "Gm": 1e12, "Mm": 1e9, "km": 1e6, "hm": 1e5,
    "dam": 1e4, "m": 1e3, "dm": 100.0, "cm": 10.0, "mm": 1.0, "µm": 1e-3, "\u03bcm": 1e-3, "um": 1e-3, "micron": 1e-3,
    "microns": 1e-3, "nm": 1e-6, "Å": 1e-7, "\u212b": 1e-7, "A": 1e-7, "angstrom": 1e-7, "pm": 1e-9, "fm": 1e-12,
    "am": 1e-15, "zm": 1e-18, "ym": 1e-21, "thou": 0.0254, "mil": 0.0254, "li": 25.4 / 12, "in": 25.4, "inch": 25.4,
    "ft": 304.8, "yd": 914.4, "mi": 1_609_344.0, "pt": 25.4 / 72}


def geometry_of(tiff: Any, series: Any) -> Geometry | None:
    """Pixel size in mm from OME-XML, ImageJ, a slide scanner's text or a resolution in pixels per centimetre."""
    try:
        sizes = _ome_size(tiff) or _described_size(tiff) or _tagged_size(series.keyframe)
    except (ValueError, KeyError, TypeError, AttributeError, ZeroDivisionError, ElementTree.ParseError):
        return None
    if sizes is None or not all(math.isfinite(size) and size > 0 for size in sizes):
        return None
    return Geometry(sizes[0], sizes[1], sizes[2] if len(sizes) > 2 else None)


def _ome_pixels(tiff: Any) -> ElementTree.Element | None:
    """The first Pixels element of OME-XML."""
    if not tiff.is_ome or not tiff.ome_metadata:
        return None
    return next((item for item in ElementTree.fromstring(tiff.ome_metadata).iter() if item.tag.endswith("}Pixels")),
                None)


def _ome_size(tiff: Any) -> tuple[float, ...] | None:
    pixels = _ome_pixels(tiff)
    if pixels is None or "PhysicalSizeX" not in pixels.attrib:
        return None
    sizes = []
    for axis in "YXZ":
        if f"PhysicalSize{axis}" in pixels.attrib:
            unit = pixels.attrib.get(f"PhysicalSize{axis}Unit", "")
            sizes.append(float(pixels.attrib[f"PhysicalSize{axis}"]) * _MILLIMETRES[unit])
    return tuple(sizes) if len(sizes) >= 2 else None


def _described_size(tiff: Any) -> tuple[float, ...] | None:
    page = tiff.pages.first
    if found := re.search(r"\bMPP\s*=\s*([0-9.]+)", str(page.description)):
        size = float(found.group(1)) / 1000
        return size, size
    about = tiff.imagej_metadata or {}
    unit = str(about.get("unit", "")).replace("\\u00B5", "µ")
    if not unit or unit not in _MILLIMETRES:
        return None
    (across, per_x), (down, per_y) = page.tags["XResolution"].value, page.tags["YResolution"].value
    sizes = [per_y / down * _MILLIMETRES[unit], per_x / across * _MILLIMETRES[unit]]
    return (*sizes, float(about["spacing"]) * _MILLIMETRES[unit]) if "spacing" in about else tuple(sizes)


def _tagged_size(page: Any) -> tuple[float, ...] | None:
    """Pixels per centimetre; a resolution per inch is a printer's, not the camera's."""
    if getattr(page, "resolutionunit", 0) != tifffile.RESUNIT.CENTIMETER:
        return None
    (across, per_x), (down, per_y) = page.tags["XResolution"].value, page.tags["YResolution"].value
    return 10 * per_y / down, 10 * per_x / across


def channels_of(tiff: Any, count: int) -> tuple[Channel, ...]:
    """The channels that planes are of, with name and colour where OME-XML gives them; empty where there is one."""
    if count < 2:
        return ()
    named = _ome_channels(tiff)
    return named if len(named) == count else tuple(Channel(f"channel {k + 1}") for k in range(count))


def _ome_channels(tiff: Any) -> tuple[Channel, ...]:
    try:
        pixels = _ome_pixels(tiff)
        items = [item.attrib for item in pixels if item.tag.endswith("}Channel")] if pixels is not None else []
        colours = [int(item.get("Color", "-1")) & 0xFFFFFFFF for item in items]  # RGBA in one signed number
    except (ValueError, ElementTree.ParseError):
        return ()
    return tuple(Channel(item.get("Name") or f"channel {k + 1}", (rgba >> 24, rgba >> 16 & 255, rgba >> 8 & 255))
                 for k, (item, rgba) in enumerate(zip(items, colours, strict=True)))
