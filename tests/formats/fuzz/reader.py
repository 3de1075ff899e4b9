"""The process that reads mutated files: one path a line comes in, one line of JSON goes out."""

from __future__ import annotations

import faulthandler
import json
import resource
import sys
import traceback
from contextlib import suppress
from pathlib import Path

from medsynth_app.core.errors import UserError
from medsynth_app.core.pack import PackManifest
from medsynth_app.core.pack_files import read_json
from medsynth_app.formats.registry import open_image, read_mask, read_provenance

ALLOWED = 256 * 2**20  # bytes of decoded pixels


def read(path: Path) -> str:
    """Do with a file what the product does: open it, look at frames, ask for its volume, its record, a mask in it.

    JSON is the manifest of a model pack.

    Returns
    -------
    ``"opened"``, ``"refused"``, or the kind of a bug and where in our code it came up.
    """
    try:
        if path.suffix == ".json":
            manifest = PackManifest.from_dict(read_json(path))
            assert PackManifest.from_json(manifest.to_json()).sha256 == manifest.sha256
            return "opened"
        source = open_image(path, allow_bytes=ALLOWED, salt=b"fuzz")
        for frame in {0, len(source.info.frames) // 2, len(source.info.frames) - 1}:
            source.pixels(frame)
        source.volume()
        read_provenance(path)
        source.close()
        with suppress(UserError):
            read_mask(path, 0)
    except UserError as error:
        assert error.happened and error.remedy
        return "refused"
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a decoder in Rust panics past Exception
        ours = [frame for frame in traceback.extract_tb(error.__traceback__) if "medsynth_app" in frame.filename]
        place = f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else "?"
        return f"{type(error).__name__} at {place}: {error}"[:200]
    return "opened"


def main() -> None:
    faulthandler.enable()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        found = read(Path(line.strip()))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        sys.stdout.write(json.dumps({"found": found, "peak": peak}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
