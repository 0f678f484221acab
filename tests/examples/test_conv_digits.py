"""examples/conv_digits.py: a short run learns, and shows what it has learnt."""

from __future__ import annotations

from pathlib import Path

import pytest

import conv_digits
import minigrad as mg


def test_a_short_run_learns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plot, graph = tmp_path / "plot.svg", tmp_path / "graph.dot"
    with mg.use_kernels("numba"):
        conv_digits.main(["--epochs", "5", "--plot", str(plot), "--draw", str(graph)])
    out, err = capsys.readouterr()
    assert float(out.split("trained on, ")[1].split("%")[0]) >= 97.5
    assert "epoch 5/5: 100%" in err
    assert plot.read_text(encoding="utf-8").count("<image") == 64  # the kernels, and what they find
    dot = graph.read_text(encoding="utf-8")
    assert "ConvNet, forward and backward" in dot
    assert "conv1.weight" in dot and "<b>dW₁</b>" in dot


@pytest.mark.compiled
def test_a_run_as_it_comes_gets_98_5_percent_of_the_held_out_images_right(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with mg.use_kernels("numba"):
        conv_digits.main([])
    assert float(capsys.readouterr().out.split("trained on, ")[1].split("%")[0]) >= 98.5
