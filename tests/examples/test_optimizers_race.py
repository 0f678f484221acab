"""examples/optimizers_race.py: momentum and Adam come nearer to the lowest point than plain gradient descent."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
import optimizers_race


def test_all_learn_and_momentum_and_adam_are_ahead(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plot = tmp_path / "race.png"
    with mg.use_kernels("numba"):
        optimizers_race.main(["--epochs", "4", "--plot", str(plot)])
    rows = re.findall(r"^(\w+) +([\d.]+) +([\d.]+) +([\d.]+)%$", capsys.readouterr().out, re.MULTILINE)
    left = {name: float(distance) for name, distance, _, _ in rows}
    right = {name: float(share) for name, *_, share in rows}
    assert list(left) == list(optimizers_race.RACERS)
    assert max(left["momentum"], left["Nesterov"], left["Adam"]) < 0.3
    assert left["SGD"] > 1.5
    assert min(right.values()) >= 80
    assert plot.stat().st_size > 10_000


def test_the_lowest_point_of_the_valley_is_the_goal() -> None:
    u, v = np.meshgrid(np.linspace(-2, 2, 41), np.linspace(-1, 3, 41))
    lowest = optimizers_race.rosenbrock(u, v).argmin()
    assert (u.flat[lowest], v.flat[lowest]) == pytest.approx(optimizers_race.GOAL)
