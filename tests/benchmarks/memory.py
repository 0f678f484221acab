"""Prints by how many bytes one training step raises the peak of the process's resident memory (Linux).

python tests/benchmarks/memory.py minigrad|torch BATCH
"""

from __future__ import annotations

import itertools
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np

SIZES = (784, 128, 64, 10)


def resident(what: str) -> int:
    """VmRSS, what is resident now, or VmHWM, the most that has been."""
    found = re.search(rf"{what}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) * 1024


def main(library: str, batch: int) -> None:
    nn: Any
    if library == "minigrad":
        import minigrad as lib
        from minigrad import lean_mode as lean
        from minigrad import nn

        tensor = lib.from_numpy
    else:
        from contextlib import nullcontext as lean

        import torch as lib
        from torch import nn

        tensor = lib.from_numpy
    parts = []
    for i, (n, m) in enumerate(itertools.pairwise(SIZES)):
        parts += [nn.Linear(n, m)] + ([nn.ReLU()] if i < len(SIZES) - 2 else [])
    model = nn.Sequential(*parts)
    optimizer = lib.optim.SGD(model.parameters(), lr=1e-3)
    rng = np.random.default_rng(0)

    def step(x: Any, y: Any) -> None:
        optimizer.zero_grad()
        with lean():
            loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()

    def data(count: int) -> tuple[Any, Any]:
        x = rng.standard_normal((count, SIZES[0]), dtype=np.float32)
        return tensor(x), tensor(rng.integers(0, SIZES[-1], count))

    for _ in range(3):
        step(*data(256))  # loads kernels and libraries
    x, y = data(batch)
    Path("/proc/self/clear_refs").write_text("5")  # VmHWM starts anew
    before = resident("VmRSS")
    step(x, y)
    print(resident("VmHWM") - before)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
