"""What the writer and the reader of a frozen training set agree on."""

from __future__ import annotations

FORMAT = "medsynth-training-set/1"
