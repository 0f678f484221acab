"""What pictures look like, as DOT text; ``rewrite_golden.py`` writes the files that are compared with."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import minigrad as mg
from viz.rewrite_golden import FOLDER, PICTURES


@pytest.mark.parametrize("name", PICTURES)
def test_the_picture_is_the_golden_one(name: str) -> None:
    with mg.use_kernels("reference"):
        drawn = PICTURES[name]().dot
    assert drawn == (FOLDER / f"{name}.dot").read_text(encoding="utf-8")


def test_every_golden_file_is_compared() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == set(PICTURES)


def test_the_same_graph_gives_the_same_dot_in_every_process() -> None:
    tests = Path(__file__).parents[1]
    program = (
        "import minigrad as mg; from viz.rewrite_golden import PICTURES\n"
        "with mg.use_kernels('reference'): print(*(picture().dot for picture in PICTURES.values()))"
    )
    texts = set()
    for seed in ("1", "2"):
        path = os.pathsep.join([str(tests), str(Path(mg.__file__).parents[1])])
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": path, "PYTHONIOENCODING": "utf-8"}
        done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=True)
        texts.add(done.stdout)
    assert len(texts) == 1
    assert texts.pop().count(b"digraph") == len(PICTURES)
