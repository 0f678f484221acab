"""What the character models share: the text, its characters as numbers, and the part held out."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np

import minigrad as mg
from minigrad.nn import functional as F

HERE = Path(__file__).parent
EVERY = 10  # one line in so many is never trained on

TEXT = (HERE / "data" / "proverbs.txt").read_text(encoding="ascii")
CHARACTERS = "".join(sorted(set(TEXT)))  # 60; the number of a character is its place here


def encode(text: str) -> mg.Tensor:
    """The numbers of the characters, int64 (T,). Raises ValueError for a character that the text does not have."""
    if strange := set(text) - set(CHARACTERS):
        raise ValueError(f"the text has no {', '.join(map(repr, sorted(strange)))}")
    return mg.tensor([CHARACTERS.index(c) for c in text], dtype=mg.int64)


def decode(numbers: mg.Tensor) -> str:
    """The characters of the numbers (T,)."""
    return "".join(CHARACTERS[n] for n in numbers.tolist())


def load_text() -> tuple[mg.Tensor, mg.Tensor]:
    """The text as numbers: what to train on (T,), and what is held out, a tenth of the proverbs."""
    lines = TEXT.splitlines(keepends=True)
    held_out = lines[EVERY - 1 :: EVERY]
    del lines[EVERY - 1 :: EVERY]
    return encode("".join(lines)), encode("".join(held_out))


def windows(numbers: mg.Tensor, starts: np.ndarray, length: int) -> tuple[mg.Tensor, mg.Tensor]:
    """Pieces of the text from these starts on (B, length), and for each character the one after it, the same."""
    pieces = numbers.numpy()[starts[:, None] + np.arange(length + 1)]  # (B, length + 1)
    return mg.tensor(pieces[:, :-1]), mg.tensor(pieces[:, 1:])


def bits_per_character(
    model: Callable[[mg.Tensor], mg.Tensor], numbers: mg.Tensor, length: int, device: str = "cpu"
) -> float:
    """``-log2 p`` of a character given those before it in its window, the mean over windows side by side.

    ``model`` gives logits (B, T, 60) for numbers (B, T) on the device. Guessing without any model costs log2 60 =
    5.9 bits, and with the frequencies of the characters alone 4.3.
    """
    x, y = (t.to(device) for t in windows(numbers, np.arange(0, len(numbers) - length, length), length))
    with mg.no_grad():
        z = model(x)  # (B, T, 60)
        return F.cross_entropy(z.flatten(0, 1), y.flatten()).item() / math.log(2)
