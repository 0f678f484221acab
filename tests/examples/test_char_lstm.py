"""examples/char_lstm.py: a short run knows more of proverbs than their frequencies, and writes some."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import char_lstm
import minigrad as mg
import proverbs
import training


def test_a_short_run_learns_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plot, picture = tmp_path / "bits.svg", tmp_path / "loss.dot"
    with mg.use_kernels("numba"):
        char_lstm.main(["--epochs", "1", "--characters", "50", "--plot", str(plot), "--draw", str(picture)])
    out, err = capsys.readouterr()
    found = re.search(r"([\d.]+) bits for a character of the proverbs held out", out)
    assert found is not None
    assert float(found[1]) < 3.2  # the frequencies of the characters alone cost 4.3
    assert len(out.split(char_lstm.SHOWN)[1].split("\n\nThe loss")[0]) >= 50
    assert "141/141" in err  # the progress bar went to its end
    dot = picture.read_text(encoding="utf-8")
    assert "lstm.weight_hh_l0" in dot and "<b>dW₂</b>" in dot
    assert plot.stat().st_size > 10_000


def test_writing_goes_on_from_the_state_as_reading_the_whole_text_would() -> None:
    mg.manual_seed(0)
    model = char_lstm.CharLSTM(8, 8, 2, 0.0)
    for parameter in model.parameters():
        mg.nn.init.normal_(parameter)
    with training.evaluating(model):
        text = model.write("My son", 20, temperature=1e-3)  # so low that it is always the likeliest character
        z = model(proverbs.encode(text).unsqueeze(0))[0]
    assert text[6:] == proverbs.decode(z[5:-1].argmax(1))
