"""examples/char_transformer.py: a short run learns to spell, writes, and shows what it looks at."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import char_transformer
import minigrad as mg
from char_transformer import CharTransformer
from proverbs import encode


def run(*arguments: str) -> None:
    with mg.use_kernels("numba"):
        char_transformer.main(list(arguments))


def test_a_short_run_learns_to_spell_and_writes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(char_transformer, "STEP", 64)  # a fourth of the windows
    plot, picture = tmp_path / "plot.png", tmp_path / "graph.dot"
    run("--epochs", "2", "--characters", "30", "--plot", str(plot), "--draw", str(picture))
    out, err = capsys.readouterr()
    (bits,) = re.findall(r"^([\d.]+) bits for a character of the proverbs held out$", out, re.MULTILINE)
    assert float(bits) < 3.5  # with the frequencies of the characters alone it takes 4.3
    assert "epoch 2/2: 100%" in err
    (written,) = re.findall(rf"{char_transformer.SHOWN}(.*?)\n\n", out, re.DOTALL)
    assert len(written) == 30
    assert plot.stat().st_size > 10_000
    assert "CharTransformer, forward and backward" in picture.read_text(encoding="utf-8")


def test_no_character_sees_a_later_one() -> None:
    model = CharTransformer(16, 2, 2).eval()
    weights = char_transformer.attention(model, "wisdom")
    assert weights.shape == (2, 6, 6)
    assert np.triu(weights, 1).max() == 0
    np.testing.assert_allclose(weights.sum(-1), 1, rtol=1e-6)
    one, other = (model(encode(text).unsqueeze(0))[0, :3].numpy(force=True) for text in ("wisdom", "wisest"))
    np.testing.assert_array_equal(one, other)


def test_what_is_written_goes_on_after_the_beginning_and_follows_the_seed() -> None:
    model = CharTransformer(16, 2, 1).eval()
    written = []
    for _ in range(2):
        mg.manual_seed(4)
        written.append(char_transformer.write(model, "The ", 80, 1.0))
    assert written[0] == written[1]
    assert written[0].startswith("The ") and len(written[0]) == 84
