"""The provenance record: what a synthetic pixel came from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

FORMAT = "medsynth-provenance/1"


@dataclass(frozen=True)
class Provenance:
    """One result's origin; written as JSON beside exports and inside PNG and TIFF.

    Attributes
    ----------
    action
        "inpaint" or "generate".
    source, mask_sha256
        Hash or UID of the source frame (of a whole picture: the one on which its mask was painted), and sha256 of the
        effective mask or, for a whole picture, of the labels that it follows; empty where there is none.
    parameters
        Prompt, mode, seed, steps, strength, guidance, feather and the like: all that decides the pixels, so that
        they can be drawn again (`actions.rerun`). ``mask`` and ``labels`` are texts of `core.mask_text`, of the crop
        ``bounds`` or of the whole picture; ``result_sha256`` is `core.image.pixels_sha256` of what was drawn.
    environment
        Versions, device, dtype, threads: what bit identity depends on.
    largest_change_outside_mask
        In stored values; 0 for every result of this program. None for whole pictures.
    report
        The fill against its surroundings (`core.fill_report`), as plain values; None for whole pictures.
    seam
        The mean step across the fill's outline, which was all that earlier versions measured; else None.
    earlier
        Records of results that were accepted into the same frame before.
    """

    action: str
    pack: str
    pack_sha256: str
    seed: int
    created: str
    source: str = ""
    mask_sha256: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, Any] = field(default_factory=dict)
    largest_change_outside_mask: int | None = None
    report: dict[str, Any] | None = None
    seam: float | None = None
    notices: tuple[str, ...] = ()
    earlier: tuple[dict[str, Any], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return {"format": FORMAT, "synthetic": True, **asdict(self)}

    def to_json(self) -> str:
        return json.dumps(self.to_dict(), indent=1, sort_keys=True)

    @staticmethod
    def from_dict(raw: dict[str, Any]) -> Provenance:
        values = {key: value for key, value in raw.items() if key not in ("format", "synthetic", "hashes")}
        for name in ("notices", "earlier"):
            values[name] = tuple(values.get(name, ()))
        return Provenance(**values)


def all_records(record: Provenance) -> Iterator[Provenance]:
    """A record and those inside it, however deep, in the order in which they were drawn."""
    for each in record.earlier:
        yield from all_records(Provenance.from_dict(each))
    yield record


def joined(records: Sequence[Provenance]) -> Provenance | None:
    """The last record with the earlier ones inside; None where there are none."""
    if not records:
        return None
    *earlier, last = records
    return replace(last, earlier=(*(record.to_dict() for record in earlier), *last.earlier))
