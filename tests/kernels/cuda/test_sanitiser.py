"""Races and steps beyond an array, seen by NVIDIA's checkers, which come with every CUDA toolkit."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import sanitised
from minigrad.kernels.cuda import device
from ops_table import TABLE

ROOT = Path(__file__).parents[3]


def checker() -> str | None:
    """The path of NVIDIA's checker, or None."""
    toolkit = Path(os.environ.get("CUDA_HOME", "/usr/local/cuda"), "bin", "compute-sanitizer")
    return shutil.which("compute-sanitizer") or (str(toolkit) if toolkit.exists() else None)


@pytest.mark.gpu
@pytest.mark.skipif(device.missing() is not None, reason=f"CUDA cannot be used: {device.missing()}")
@pytest.mark.skipif(checker() is None, reason="there is no compute-sanitizer: it comes with NVIDIA's CUDA toolkit")
@pytest.mark.parametrize("tool", ["memcheck", "racecheck", "synccheck"])
def test_nvidias_checker_has_nothing_to_say(tool: str) -> None:
    """racecheck looks at shared memory, where the threads of a block meet; synccheck at how they wait."""
    command = [
        checker(),
        "--tool",
        tool,
        "--error-exitcode",
        "9",
        sys.executable,
        str(ROOT / "tests/sanitised.py"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, timeout=3600)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert "everything has run" in done.stdout


def test_what_it_watches_runs_in_the_simulator() -> None:
    """Where a step beyond an array is an error, too."""
    rows = [row for row in TABLE if row.name in ("add", "softmax", "matmul", "index_select", "conv1d", "sort")]
    sanitised.main(rows, 2, [(5, 3, 7)], [1, 7, 8, 36, 64, 260])


def test_a_step_beyond_an_array_is_seen() -> None:
    """By the simulator, as by the checker."""
    from exact_memory import exact_memory
    from minigrad import kernels
    from minigrad.kernels.cuda.move import count_up

    with exact_memory():
        x = kernels.load("cuda").full((5,), 0, np.dtype(np.int64), 0)
        count_up(1, 1, x, 5)
        with pytest.raises(IndexError, match="outside the memory"):
            count_up(1, 1, x, 6)
