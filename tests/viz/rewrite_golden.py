"""Write the files in ``golden/``, which hold each picture of the gallery as DOT text and as JSON. After a change
that is meant to show in pictures, run

    python tests/viz/rewrite_golden.py

and look at what has become different. The numbers are the same on every machine: sums of a few round numbers.
"""

from __future__ import annotations

import sys
from pathlib import Path

import minigrad as mg

FOLDER = Path(__file__).parent / "golden"

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2] / "docs"))
    from gallery import PICTURES

    with mg.use_kernels("reference"):
        for name, picture in PICTURES.items():
            drawing = picture()
            drawing.save(FOLDER / f"{name}.dot")
            drawing.save(FOLDER / f"{name}.json")
