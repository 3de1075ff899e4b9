"""What bit identity depends on: versions, device, precision, threads."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from typing import Any

import diffusers
import numpy as np
import torch
import transformers

import medsynth_app
from medsynth_app.engine.diffusion.pipelines import Pack


def environment(pack: Pack, batch: Sequence[int]) -> dict[str, Any]:
    """For the provenance record; plain JSON values.

    Parameters
    ----------
    batch
        Candidates that were drawn together: how many they are decides the last bits of each.
    """
    return {
        "medsynth": medsynth_app.__version__,
        "torch": str(torch.__version__),  # a TorchVersion would have whoever reads it import torch
        "diffusers": diffusers.__version__,
        "transformers": transformers.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "device": pack.policy.kind,
        "device_name": pack.policy.name,
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "dtype": pack.policy.dtype,
        "autocast": pack.policy.autocast is not None,
        "threads": torch.get_num_threads(),
        "batch": len(batch),
        "batch_from": batch[0],
        "sparing_memory": pack.sparing,
        "scheduler": type(pack.text.scheduler).__name__,
    }
