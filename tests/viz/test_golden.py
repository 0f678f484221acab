"""What pictures look like, as DOT text and as JSON; ``rewrite_golden.py`` writes the files to compare with."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import minigrad as mg
from gallery import PICTURES
from viz.rewrite_golden import FOLDER


@pytest.mark.parametrize("name", PICTURES)
def test_the_picture_is_the_golden_one(name: str) -> None:
    with mg.use_kernels("reference"):
        drawing = PICTURES[name]()
    assert drawing.dot == (FOLDER / f"{name}.dot").read_text(encoding="utf-8")
    assert drawing.json() == (FOLDER / f"{name}.json").read_text(encoding="utf-8")


def test_every_golden_file_is_compared() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {
        f"{name}.{kind}" for name in PICTURES for kind in ("dot", "json")
    }


def test_the_same_graph_gives_the_same_dot_and_json_in_every_process() -> None:
    docs = Path(__file__).parents[2] / "docs"
    program = (
        "import minigrad as mg; from gallery import PICTURES\n"
        "with mg.use_kernels('reference'):\n"
        "    for picture in PICTURES.values(): drawing = picture(); print(drawing.dot, drawing.json())"
    )
    texts = set()
    for seed in ("1", "2"):
        path = os.pathsep.join([str(docs), str(Path(mg.__file__).parents[1])])
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": path, "PYTHONIOENCODING": "utf-8"}
        done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=True)
        texts.add(done.stdout)
    assert len(texts) == 1
    assert texts.pop().count(b"digraph") == len(PICTURES)
