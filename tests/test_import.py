"""``import minigrad`` is quick and quiet: it loads neither Numba nor anything optional, and compiles nothing."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import sys
import time
started = time.process_time()  # of this process: the machine may be busy with other tests
import numpy
own = time.process_time() - started
import minigrad
seconds = time.process_time() - started
heavy = {"numba", "llvmlite", "torch", "graphviz", "pygraphviz", "tqdm"} & set(sys.modules)
assert not heavy, heavy
print(seconds / own)
"""


def test_importing_prints_nothing_loads_nothing_heavy_and_takes_little_longer_than_importing_numpy() -> None:
    """Three times as long or a little more, NumPy itself included: 0.3 seconds, of which NumPy takes 0.1."""
    times: list[float] = []
    while len(times) < 10 and min(times, default=9.0) >= 4.0:
        ran = subprocess.run(
            [sys.executable, "-W", "error", "-c", CODE], capture_output=True, text=True, check=False
        )
        assert (ran.returncode, ran.stderr) == (0, "")
        times.append(float(ran.stdout))  # which is all that was printed
    assert min(times) < 4.0


def test_the_tools_are_loaded_when_they_are_asked_for() -> None:
    code = (
        "import sys; import minigrad as mg; late = {'minigrad.viz', 'minigrad.inspect', 'minigrad.data'};"
        "assert not late & set(sys.modules); assert 'draw' in dir(mg); mg.draw, mg.trace, mg.data.DataLoader;"
        "assert late <= set(sys.modules); from minigrad import *; assert play is mg.play"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
