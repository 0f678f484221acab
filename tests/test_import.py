"""``import minigrad`` is quick and quiet: it loads neither Numba nor anything optional, and compiles nothing."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import sys
import time
started = time.process_time()  # of this process: the machine may be busy with other tests
import minigrad
seconds = time.process_time() - started
heavy = {"numba", "llvmlite", "torch", "graphviz", "pygraphviz", "tqdm"} & set(sys.modules)
assert not heavy, heavy
print(seconds)
"""


def test_importing_prints_nothing_and_loads_nothing_heavy_within_0_4_seconds() -> None:
    seconds = []
    while len(seconds) < 10 and min(seconds, default=1.0) >= 0.4:
        ran = subprocess.run(
            [sys.executable, "-W", "error", "-c", CODE], capture_output=True, text=True, check=False
        )
        assert (ran.returncode, ran.stderr) == (0, "")
        seconds.append(float(ran.stdout))  # which is all that was printed
    assert min(seconds) < 0.4


def test_the_tools_are_loaded_when_they_are_asked_for() -> None:
    code = (
        "import sys; import minigrad as mg; late = {'minigrad.viz', 'minigrad.inspect', 'minigrad.data'};"
        "assert not late & set(sys.modules); assert 'draw' in dir(mg); mg.draw, mg.trace, mg.data.DataLoader;"
        "assert late <= set(sys.modules); from minigrad import *; assert play is mg.play"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
