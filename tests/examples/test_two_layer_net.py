"""examples/two_layer_net.py: by hand and with nn the same is learnt, and it is learnt."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import minigrad as mg
import two_layer_net


def test_both_nets_learn_the_moons_and_agree_to_the_last_digits(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plot, dot = tmp_path / "moons.png", tmp_path / "by_hand.dot"
    with mg.use_kernels("numba"):
        two_layer_net.main(["--epochs", "30", "--plot", str(plot), "--draw", str(dot)])
    out = capsys.readouterr().out
    apart = [float(number) for number in re.findall(r": (\S+) apart at most", out)]
    shares = [float(number) for number in re.findall(r"([\d.]+)% of 500", out)]
    assert len(apart) == len(shares) == 2
    assert max(apart) < 1e-13
    assert min(shares) >= 96
    assert plot.stat().st_size > 10_000
    assert all(f">{name}<" in dot.read_text(encoding="utf-8") for name in ("W1", "b1", "W2", "b2"))
