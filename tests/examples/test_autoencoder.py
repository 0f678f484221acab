"""examples/autoencoder.py: a short run finds codes from which images can be made again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import autoencoder
import minigrad as mg


def test_a_short_run_learns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plot, graph = tmp_path / "plot.svg", tmp_path / "graph.dot"
    with mg.use_kernels("numba"):
        autoencoder.main(["--epochs", "20", "--plot", str(plot), "--draw", str(graph)])
    out, err = capsys.readouterr()
    error, plain = (float(out.split(after)[1].split()[0].strip(",")) for after in ("error ", "mean image "))
    assert error < 0.7 * plain
    assert float(out.split("%")[0].split()[-1]) >= 60
    assert "epoch 20/20: 100%" in err
    assert plot.read_text(encoding="utf-8").count("<image") == 20  # an image of each digit, and what comes back
    assert "ConvTranspose" in graph.read_text(encoding="utf-8")


def test_a_code_of_one_number_is_plotted_too(tmp_path: Path) -> None:
    with mg.use_kernels("numba"):
        autoencoder.main(["--epochs", "1", "--code", "1", "--plot", str(tmp_path / "plot.svg")])
    assert (tmp_path / "plot.svg").exists()


def test_the_nearest_code_decides() -> None:
    codes, labels = mg.tensor([[0.0, 0.0], [4.0, 0.0]]), mg.tensor([3, 7])
    others = mg.tensor([[1.0, 0.0], [3.0, 1.0], [9.0, 9.0], [0.0, -1.0]])
    assert autoencoder.nearest_is_right(codes, labels, others, mg.tensor([3, 7, 3, 3])) == 0.75
    assert np.isclose(autoencoder.nearest_is_right(codes, labels, codes, labels), 1)
