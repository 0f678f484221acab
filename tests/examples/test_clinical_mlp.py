"""examples/clinical_mlp.py: nearly as good as the best, healthy, and it shows what eval() and no_grad() change."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import clinical_mlp
import minigrad as mg


def test_a_short_run_shows_the_net_from_all_sides(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plot = tmp_path / "clinical.svg"
    with mg.use_kernels("numba"):
        clinical_mlp.main(["--epochs", "12", "--plot", str(plot)])
    out = capsys.readouterr().out
    (right,), (best,) = re.findall(r"([\d.]+)% decided right", out), re.findall(r"([\d.]+)% by the rule", out)
    assert 86 <= float(right) <= float(best)
    assert re.search(r"^act1 .* +0 of 64$", out, re.MULTILINE)
    assert "Nothing found" in out
    assert "16 of 32 are 0 for all inputs" in out  # after the damage
    once, again, evaluated, unrecorded = (
        re.findall(rf"^{re.escape(name)} +((?:0\.\d+ +)+)nodes", out, re.MULTILINE)
        for name in ("train()", "train() again", "eval()", "eval(), no_grad")
    )
    assert len(once) == len(again) == 1
    assert once != again
    assert evaluated == unrecorded
    assert evaluated not in (once, again, [])
    assert "the last bit is as with it: yes" in out
    assert plot.read_text(encoding="utf-8").startswith("<?xml")


def test_the_plot_finds_the_seven_measurements_that_matter() -> None:
    mg.manual_seed(0)
    x = mg.randn(500, 20, requires_grad=True)
    (slopes,) = mg.grad(clinical_mlp.true_risk(x).sum(), x)
    matters = slopes.abs().mean(dim=0) > 0
    assert matters.tolist() == [True] * 7 + [False] * 13
