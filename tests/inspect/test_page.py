"""``docs/inspect.md``: its program prints what the page says, but for times and what follows from them."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

SCRIPT = runpy.run_path(str(Path(__file__).with_name("rewrite_page.py")))


def fixed(text: str) -> list[str]:
    """The words of an output without times, rates, their order, and what is concluded from them."""
    lines = []
    for line in text.splitlines():
        if line.startswith("Bound by") or "moved" in line or "outside operations" in line or "itself" in line:
            continue
        words = re.sub(r"\b(arithmetic|memory|Python)$", "", line)
        words = re.sub(r"-?\d+(\.\d+)?e[-+]\d+|-?\d*\.\d+%?", "#", words)  # a number with a point
        words = re.sub(r"(ms |GFLOP/s |GB/s )[-\d.#]+", r"\1#", words)
        lines.append(" ".join(word for word in words.split() if not re.fullmatch(r"#|\d{1,3}", word)))
    return sorted(word for line in lines for word in line.split())  # the width of a time moves words between lines


@pytest.mark.compiled  # it trains a hundred steps, and is about the time that they take
def test_the_program_of_the_page_prints_what_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLUMNS", raising=False)
    text = SCRIPT["PAGE"].read_text()
    written = [shown for _, shown in SCRIPT["BLOCK"].findall(text)]
    assert sum(map(bool, written)) >= 6
    for shown, printed in zip(written, SCRIPT["run"](text), strict=True):
        assert fixed(printed) == fixed(shown)
    assert (tmp_path / "step.json").exists()
