"""A detector from its pack."""

from __future__ import annotations

from pathlib import Path

from safetensors.torch import load_file

from medsynth_app.core.pack_files import read_json
from medsynth_app.engine.device import DevicePolicy
from medsynth_app.engine.diffusion.pipelines import checked_manifest, loading, refuse_another
from medsynth_app.engine.find_cells import FACTS, WEIGHTS, Detector, from_facts


def load_detector(folder: Path, policy: DevicePolicy, expected_sha256: str = "") -> Detector:
    """The detector of a pack, after its files were compared with the manifest.

    Parameters
    ----------
    expected_sha256
        `PackManifest.sha256` that the request was made for; empty accepts any.

    Raises
    ------
    UserError
        When the folder is no pack of the kind "detector", holds pickled weights or code, or differs from its manifest
        or the request.
    """
    manifest = checked_manifest(folder, "detector")
    refuse_another(manifest, expected_sha256)
    with loading(folder):
        return from_facts(read_json(folder / FACTS), load_file(folder / WEIGHTS), policy.torch_device)
