"""examples/vanishing_gradients.py: sigmoids lose the gradient on the way, ReLU with Kaiming's weights keeps it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import minigrad as mg
import vanishing_gradients


def test_only_where_gradients_arrive_something_is_learnt(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plot = tmp_path / "vanishing.svg"
    with mg.use_kernels("numba"):
        vanishing_gradients.main(["--epochs", "5", "--plot", str(plot)])
    rows = re.findall(r"^(\w+) +(\w[\w, .]*?) +(\S+) +(\S+) +([\d.]+)%$", capsys.readouterr().out, re.MULTILINE)
    found = {(a, w): (float(first) / max(float(last), 1e-300), float(right)) for a, w, first, last, right in rows}
    assert len(found) == 12
    ratio, right = found["relu", "Kaiming"]
    assert 0.1 < ratio < 10
    assert right >= 75
    for weights in ("Xavier", "Kaiming"):
        ratio, right = found["sigmoid", weights]
        assert ratio < 1e-8
        assert right <= 15
    assert found["tanh", "normal, 1"][0] > 1e4
    assert plot.stat().st_size > 10_000
