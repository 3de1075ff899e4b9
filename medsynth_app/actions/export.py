"""Export images and masks. What holds generated pixels says so; what does not carries no such mark.

An image without any generated pixel is exported as PNG or TIFF without mark or provenance. As DICOM it is
refused: every DICOM file that this program writes says that it is synthetic, and the real one exists already.

Writers that stand on heavy libraries are imported when they are needed, so that the window opens without them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from medsynth_app.core.errors import UserError
from medsynth_app.core.hidden_mark import mark_invisibly
from medsynth_app.core.provenance import Provenance, all_records, joined
from medsynth_app.core.recorded import bounds_of, keeps_to_labels, mask_in
from medsynth_app.core.render import Picture, to_screen
from medsynth_app.core.window_level import WindowLevel
from medsynth_app.formats import raster
from medsynth_app.formats.common import ExportFrame
from medsynth_app.formats.export_identity import export_identity
from medsynth_app.formats.kinds import Kind, kind_of
from medsynth_app.formats.provenance import for_export, from_text, to_text
from medsynth_app.formats.registry import IMAGE_WRITERS, MASK_WRITERS, ImageWriter, file_of, read_provenance
from medsynth_app.workspace.documents import Document
from medsynth_app.workspace.workspace import Workspace

FILLED = "What was painted and filled in the image of this name."  # the comment in such a mask


@dataclass(frozen=True)
class Exported:
    """What was written: the file, beside it the record of its generated pixels and the mask of what was filled (None
    where there is none), and notices."""

    path: Path
    record: Path | None = None
    notices: tuple[str, ...] = ()
    mask: Path | None = None


def export_image(workspace: Workspace, document: Document, frame: int, path: Path, format: str, *,
                 mark: bool = True, window: WindowLevel | None = None) -> Exported:
    """Write one frame with what has been accepted into it.

    Parameters
    ----------
    format
        ``"png"``, ``"tiff"`` and ``"secondary-capture"`` are rendered: 8 bits through `window`. TIFF without
        `mark` keeps a grey image's own depth. ``"dicom"`` keeps the source's own SOP class, depth and rescale
        and never has a mark burned in.
    mark
        Draw the small visible mark; only where the frame holds generated pixels.

    Raises
    ------
    UserError
        For a format or place that cannot be written, a file that was opened, a grey image without window, or
        DICOM without any generated pixel.
    """
    seen = export_of(workspace, document, frame)
    written = export_frame(seen, path, format, mark=mark, window=window)
    keep_trace(workspace, document, seen, format, mark, window)
    return written


def keep_trace(workspace: Workspace, document: Document, frame: ExportFrame, format: str = "", mark: bool = False,
               window: WindowLevel | None = None) -> None:
    """Note what an exported frame with generated pixels looks like, so that it is known again (`actions.trace`).

    Without a `format` it was written with its stored values.
    """
    if frame.provenance is None or workspace.read_only:
        return
    writer, pixels = IMAGE_WRITERS.get(format), frame.pixels
    if writer is not None and not _keeps_values(writer, frame, mark):
        pixels = to_screen(pixels, frame.about.rescale, window, frame.info.inverted)
    with suppress(UserError):  # the file is written, whatever becomes of this
        workspace.traces.add_frame(document.id, pixels, frame.provenance)


def export_of(workspace: Workspace, document: Document, frame: int) -> ExportFrame:
    """A frame of a document as it is now, filed with all exports of its series."""
    pixels, records = document.pixels_and_records(frame)
    return ExportFrame(document.source, frame, document.path, pixels,
                       record_of(workspace, [*brought_along(document, frame), *records]),
                       export_identity(document.info, workspace.salt))


def record_of(workspace: Workspace, records: Sequence[Provenance]) -> Provenance | None:
    """One record for all that is generated in a frame, as it may leave the workspace; None where nothing is."""
    record = joined(records)
    return for_export(record, workspace.salt) if record is not None else None


def export_frame(frame: ExportFrame, path: Path, format: str, *, mark: bool = True,
                 window: WindowLevel | None = None) -> Exported:
    """Write a frame; parameters and errors are those of `export_image`."""
    if format not in IMAGE_WRITERS:
        raise UserError(f"The format {format!r} is unknown.", f"Use one of {', '.join(IMAGE_WRITERS)}.")
    provenance = frame.provenance
    if provenance is None and IMAGE_WRITERS[format].synthetic_only:
        raise UserError("This slice holds no generated pixels, so it cannot be exported as synthetic DICOM.",
                        "Use the DICOM file that you opened, or export a PNG or TIFF.")
    drawn = mark and provenance is not None
    with _writing(path, frame.opened):
        return replace(_write_frame(path, format, frame, window, drawn), mask=_write_filled(path, frame))


def _write_frame(path: Path, format: str, frame: ExportFrame, window: WindowLevel | None, drawn: bool) -> Exported:
    writer, provenance = IMAGE_WRITERS[format], frame.provenance
    if writer.exact is not None and _keeps_values(writer, frame, drawn):
        return _recorded(path, provenance, writer.exact(path, frame))
    if window is None and frame.pixels.ndim == 2:
        raise UserError("A grey image needs a window to be rendered.", "Choose a window first.")
    seen = to_screen(frame.pixels, frame.about.rescale, window, frame.info.inverted)
    return _write_rendered(path, format, seen, provenance, drawn, frame)


def _keeps_values(writer: ImageWriter, frame: ExportFrame, drawn: bool) -> bool:
    """Whether a frame is written with its stored values, not as it is seen; `drawn`: with the visible mark."""
    return writer.exact is not None and (writer.rendered is None or (not drawn and frame.pixels.ndim == 2))


def _write_filled(path: Path, frame: ExportFrame) -> Path | None:
    """Write the mask of what was filled in a frame beside it, never over a mask of another origin."""
    mask = filled_in(frame.provenance, frame.about.rows, frame.about.columns) if frame.provenance is not None else None
    if mask is None:
        return None
    first = mask_path(path)
    names = (first.with_stem(f"{first.stem}-{number}") if number > 1 else first for number in itertools.count(1))
    beside = next(name for name in names if not name.exists() or _is_filled_mask(name))
    raster.write_mask_png(beside, mask, comment=FILLED)
    return beside


def filled_in(provenance: Provenance, rows: int, columns: int) -> npt.NDArray[np.uint8] | None:
    """What was painted where a frame (rows, columns) was filled: the labels that a fill kept to (255 where the
    model knew none), else 1.

    None where no record of it holds that.
    """
    whole, found = np.zeros((rows, columns), np.uint8), False
    for record in all_records(provenance):
        if record.action == "inpaint" and "mask" in record.parameters:
            with suppress(UserError):  # an edited record is of no use here
                bounds = bounds_of(record)
                if bounds.bottom > rows or bounds.right > columns:
                    continue  # of the image before it was cropped or made smaller
                painted = mask_in(record.parameters, "mask", bounds.height, bounds.width)
                if keeps_to_labels(record):
                    labels = mask_in(record.parameters, "labels", bounds.height, bounds.width)
                    painted = np.where(painted > 0, np.where(labels > 0, labels, 255), 0).astype(np.uint8)
                place = whole[bounds.slices]
                place[painted > 0], found = painted[painted > 0], True
    return whole if found else None


def _is_filled_mask(path: Path) -> bool:
    with suppress(UserError):
        return raster.comment_of(path) == FILLED
    return False


def export_picture(workspace: Workspace, pixels: npt.NDArray[np.uint8], provenance: Provenance, path: Path,
                   format: str = "png", *, mark: bool = True, invisible: bool = False,
                   mask: npt.NDArray[np.uint8] | None = None) -> Exported:
    """Write a generated whole picture, uint8, (h, w, 3) or (h, w): "png", "tiff" or "secondary-capture".

    Parameters
    ----------
    invisible
        Hide `core.hidden_mark` in it, too; its record says so.
    mask
        Labels that the picture follows, uint8 (h, w): written beside it (`mask_path`), or nothing is. A mask that a
        model drew carries the record too.

    Raises
    ------
    UserError
        For a format or place that cannot be written, or where another mask has that name: one that does not belong to
        the picture would look as if it did.
    """
    return write_picture(pixels, for_export(provenance, workspace.salt), path, format, mark=mark, invisible=invisible,
                         mask=mask)


def write_picture(pixels: npt.NDArray[np.uint8], record: Provenance, path: Path, format: str = "png", *,
                  mark: bool = True, invisible: bool = False, mask: npt.NDArray[np.uint8] | None = None) -> Exported:
    """`export_picture` with a record that may leave already (`record_of`)."""
    if format not in IMAGE_WRITERS or IMAGE_WRITERS[format].rendered is None:
        raise UserError(f"A generated picture cannot be written as {format!r}.",
                        "Use png, tiff or secondary-capture.")
    shown, told = mark_invisibly(pixels, record) if invisible else (pixels, record)
    with _mask_beside(path, mask, record), _writing(path):  # nothing is hidden in the mask
        return _write_rendered(path, format, shown, told, mark, None)


def export_pair(workspace: Workspace, pixels: npt.NDArray[np.uint8], mask: npt.NDArray[np.uint8],
                provenance: Provenance, folder: Path, name: str, *, mark: bool = True, invisible: bool = False
                ) -> tuple[Path, Path]:
    """Write a generated picture and its mask as ``images/<name>.png`` and ``masks/<name>.png`` in `folder`.

    The record stands inside the files, so that both folders hold nothing but equal names.
    """
    image, labels = (folder / kind / f"{name}.png" for kind in ("images", "masks"))
    record = for_export(provenance, workspace.salt)
    _write_mask(labels, mask, record)
    if invisible:
        pixels, record = mark_invisibly(pixels, record)
    with _writing(image):
        raster.write_png(image, pixels, record, mark)
    return image, labels


def export_mask(document: Document, frame: int | None, path: Path, format: str) -> Exported:
    """Write the mask of one frame (PNG, NIfTI) or, with `frame` None, of the whole stack (NIfTI)."""
    if format not in MASK_WRITERS:
        raise UserError(f"The mask format {format!r} is unknown.", f"Use one of {', '.join(MASK_WRITERS)}.")
    writer, count = MASK_WRITERS[format], len(document.info.frames)
    if not writer.stack and frame is None and count > 1:
        raise UserError("A PNG holds the mask of one slice.", "Export the stack as NIfTI.")
    chosen = range(count) if frame is None else [frame]
    with _writing(path, document.path):
        writer.write(path, [document.mask(k) for k in chosen], [document.info.frames[k].geometry for k in chosen])
        return _recorded(path, None)


def brought_along(document: Document, frame: int) -> list[Provenance]:
    """Of a frame that the opened file says to be synthetic: the record inside that file, or one that says just this."""
    info = document.info
    if not info.synthetic or (not info.frames[frame].synthetic and any(about.synthetic for about in info.frames)):
        return []
    with suppress(UserError):
        found = read_provenance(file_of(document.source, frame, document.path))
        if found is not None:
            return [found]
    return [Provenance(action="imported", pack="unknown", pack_sha256="", seed=0, created="",
                       notices=("The file that was opened said that it holds generated pixels.",))]


def record_path(path: Path) -> Path:
    """Where the provenance record of an export stands."""
    return path.with_name(path.name + ".provenance.json")


def mask_path(path: Path) -> Path:
    """Where the mask of an exported picture stands: beside it, by its whole name, as the record does."""
    return path.with_name(path.name + ".mask.png")


def mask_beside(path: Path) -> Path | None:
    """The mask that stands beside an exported picture; None where there is none."""
    earlier = path.with_name(f"{path.stem}-mask.png")  # where a.png and a.dcm shared it
    return next((place for place in (mask_path(path), earlier) if place.is_file()), None)


def _write_mask(path: Path, mask: npt.NDArray[np.uint8], provenance: Provenance) -> None:
    """Write the mask of a picture, with the picture's record where a model drew the mask too."""
    with _writing(path):
        raster.write_mask_png(path, mask, provenance if provenance.parameters.get("pairs") else None)


@contextmanager
def _mask_beside(path: Path, mask: npt.NDArray[np.uint8] | None, provenance: Provenance) -> Iterator[None]:
    """Write the mask of a picture; when the picture then fails, a mask that was not there before goes again."""
    beside = mask_path(path)
    if beside.exists() and (path.exists() if mask is None else not _is_mask(beside, mask)):
        raise UserError(f"There is another file named {beside.name}, where the mask would stand.",
                        "Choose another name for the picture.", safe="Nothing was written.")
    if mask is None or beside.exists():
        yield
        return
    _write_mask(beside, mask, provenance)
    try:
        yield
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _is_mask(path: Path, mask: npt.NDArray[np.uint8]) -> bool:
    with suppress(UserError):
        return np.array_equal(raster.read_mask(path), mask)
    return False


def _write_rendered(path: Path, format: str, pixels: Picture, provenance: Provenance | None, mark: bool,
                    frame: ExportFrame | None) -> Exported:
    write = IMAGE_WRITERS[format].rendered
    assert write is not None
    write(path, pixels, provenance, mark, frame)
    return _recorded(path, provenance)


def _recorded(path: Path, provenance: Provenance | None, notices: tuple[str, ...] = ()) -> Exported:
    """Write the record beside an export; one that an earlier export left there tells of pixels that are gone."""
    beside = record_path(path)
    if provenance is None:
        if beside.is_file() and from_text(beside.read_text(encoding="utf-8", errors="replace")) is not None:
            beside.unlink()
        return Exported(path, None, notices)
    beside.write_text(to_text(provenance, indent=1) + "\n", encoding="utf-8")
    return Exported(path, beside, notices)


@contextmanager
def _writing(path: Path, opened: Path | None = None) -> Iterator[None]:
    """Make the folder; a place that cannot be written, or that is the image `opened`, is a `UserError`."""
    try:
        if opened is not None and _is_source(path, opened):
            raise UserError("This is a file of the image that is open; an export never replaces it.",
                            "Choose another name or folder.", safe="The original is not touched.")
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise UserError(f"{path.name} could not be written ({error.strerror or 'disk error'}).",
                        "Choose another folder, or make room there.",
                        safe="Your work in the workspace is not touched.") from error


def _is_source(path: Path, opened: Path) -> bool:
    """Whether `path` is the file that was opened, or any DICOM file of the folder, whatever name leads there."""
    if not path.is_file() or not opened.exists():
        return False
    if opened.is_file():
        return path.samefile(opened)
    with suppress(UserError):  # of no known kind: none of a series' files
        return kind_of(path) is Kind.DICOM and any(path.samefile(item) for item in opened.rglob("*") if item.is_file())
    return False
