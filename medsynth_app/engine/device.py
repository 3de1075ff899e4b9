"""Which device draws, and in which precision."""

from __future__ import annotations

import functools
import platform
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch

from medsynth_app.core.errors import UserError

CLEARLY_FASTER = 1.25  # below this gain, full precision stays
_NAMES = {torch.float32: "float32", torch.float16: "float16", torch.bfloat16: "bfloat16"}


@dataclass(frozen=True)
class DevicePolicy:
    """A device and how it is used. Autoencoders always decode in float32: 16-bit images need the depth.

    Attributes
    ----------
    kind
        ``"cuda"``, ``"mps"`` or ``"cpu"``.
    name
        What the device calls itself.
    weights
        Precision of the UNet's and the text encoder's weights.
    autocast
        Precision that torch.autocast computes in, None without it.
    batch_pixels
        Pixels that are drawn in one batch at most.
    """

    kind: str
    name: str
    weights: torch.dtype
    autocast: torch.dtype | None
    batch_pixels: int

    @property
    def torch_device(self) -> torch.device:
        return torch.device(self.kind)

    @property
    def dtype(self) -> str:
        """The precision that is computed in, for provenance and the status bar."""
        return _NAMES[self.autocast or self.weights]

    @property
    def words(self) -> str:
        """For the status bar: "CPU (2 threads, bfloat16)"."""
        if self.kind == "cpu":
            threads = torch.get_num_threads()
            return f"CPU ({threads} thread{'s' if threads != 1 else ''}, {self.dtype})"
        return f"{self.name} ({self.dtype})"

    def precision(self) -> AbstractContextManager[object]:
        """The context in which the denoiser runs."""
        return torch.autocast(self.kind, self.autocast) if self.autocast else nullcontext()

    def batch(self, height: int, width: int) -> int:
        """How many pictures of that size are drawn at once; depends on the device alone, so that repeats agree."""
        return max(1, self.batch_pixels // (height * width))


@functools.cache
def choose_device(wanted: str = "auto") -> DevicePolicy:
    """The policy for "auto", "cpu", "cuda" or "mps"; measured once per process.

    Raises
    ------
    UserError
        When a forced device is not there.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        wanted = next(kind for kind, usable in there.items() if usable)
    if not there.get(wanted, False):
        raise UserError(f"The device {wanted!r} is not available on this machine.",
                        "Choose auto, or cpu, which is everywhere; in the window it stands in the settings.")
    if wanted == "cuda":
        memory = torch.cuda.get_device_properties(0).total_memory
        half = torch.bfloat16 if bfloat16_pays("cuda") else torch.float16
        return DevicePolicy("cuda", torch.cuda.get_device_name(0), half, None,
                            max(1, int(memory / 2**30) // 4) * 512 * 512)
    if wanted == "mps":
        return DevicePolicy("mps", f"Apple GPU ({platform.machine()})", torch.float16, None, 512 * 512)
    return DevicePolicy("cpu", _processor(), torch.float32, torch.bfloat16 if bfloat16_pays("cpu") else None,
                        512 * 512)


@functools.cache
def bfloat16_pays(kind: str) -> bool:
    """Whether a device computes clearly faster in bfloat16 autocast: it can, and not by emulation."""
    if kind == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return kind == "cpu" and bfloat16_gain() >= CLEARLY_FASTER


@torch.inference_mode()
def bfloat16_gain() -> float:
    """How many times faster a small convolution and a matrix product run in bfloat16 autocast than in float32.

    Measured on one thread, best of several, so that a busy machine measures the same; about 0.1 s.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):  # measuring takes nothing from anybody's chance
            convolution = torch.nn.Conv2d(96, 96, 3, padding=1)
            linear = torch.nn.Linear(256, 1024)
            picture = torch.randn(2, 96, 16, 16).to(memory_format=torch.channels_last)
            rows = torch.randn(256, 256)

        def work() -> None:
            convolution(picture)
            linear(rows)

        full = _best(work)
        with torch.autocast("cpu", torch.bfloat16):
            return full / _best(work)
    finally:
        torch.set_num_threads(threads)


def _best(work: Callable[[], None], repeats: int = 8) -> float:
    work()
    times = []
    for _ in range(repeats):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return min(times)


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
