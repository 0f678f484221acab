"""Numbers, shapes, formulas and names as the text that stands in a picture."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence

MINUS = "\N{MINUS SIGN}"
PAD = "\N{NO-BREAK SPACE}"  # Graphviz drops ordinary spaces
_SUPERSCRIPT = str.maketrans("0123456789-naxyzTd", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻ⁿᵃˣʸᶻᵀᵈ")


def columns(values: Sequence[float]) -> list[str]:
    """Numbers of one array as text of one width, so that they align: the largest with four digits.

    >>> [text.replace(PAD, " ").replace(MINUS, "-") for text in columns([0.5, -12.25, 3.0])]
    ['  0.50', '-12.25', '  3.00']
    """
    texts = [_number(value, _decimals(values)) for value in values]
    width = max(map(len, texts), default=0)
    return [text.rjust(width, PAD) for text in texts]


def _decimals(values: Sequence[float]) -> int | None:
    """How many decimals show four digits of the largest number; no needless 0s; None for powers of ten."""
    sizes = [abs(value) for value in values if math.isfinite(value)]
    largest = max(sizes, default=0.0)
    if all(value == int(value) for value in sizes) and largest < 1e6:
        return 0
    if not 1e-3 <= largest < 1e5:
        return None
    decimals = max(3 - math.floor(math.log10(largest)), 0)
    exact = 1e-7 * largest  # the rounding of float32; 0.9999996 is to be 1.0000, not 1
    while decimals and all(abs(value - round(value, decimals - 1)) <= exact for value in sizes):
        decimals -= 1
    return decimals


def _number(value: float, decimals: int | None) -> str:
    text = f"{value:.2e}" if decimals is None or not math.isfinite(value) else f"{value:.{decimals}f}"
    return text.replace("-", MINUS)


def shape(sizes: tuple[int, ...], dtype: str) -> str:
    """A shape, and the dtype if it is not the usual one.

    >>> shape((2, 3), "float32"), shape((), "int64")
    ('(2, 3)', '() int64')
    """
    return str(sizes) if dtype == "float32" else f"{sizes} {dtype}"


def formula(line: str, settings: Iterable[tuple[str, str]] = ()) -> tuple[str, str]:
    """A formula in mathematical signs with the settings that it names put in, and the other settings.

    >>> formula("a = e^-z / sum x * y", [("dim", "1"), ("keepdim", "True")])
    ('a = e⁻ᶻ / Σ x · y', 'dim=1, keepdim=True')
    >>> formula("y = x^exponent", [("exponent", "3")])
    ('y = x³', '')
    """
    others = []
    for setting, value in settings:
        parts = re.split(rf"\b{setting}\b", line)
        line = value.join(parts)
        if len(parts) == 1:
            others.append(f"{setting}={value}")
    line = re.sub(r"\^(-?(?:\d+|[naxyzTd]))(?![\w.])", lambda power: power[1].translate(_SUPERSCRIPT), line)
    line = re.sub(r"\bsum ", "Σ ", line).replace(" * ", " · ")
    line = re.sub(r"\[\((.*?),?\)\]", r"[\1]", line)  # x[(1, 2)] is x[1, 2]
    return re.sub(r"(?<!\w)-", MINUS, line), ", ".join(others)


def name(anything: str, limit: int = 48) -> str:
    """A name from outside, made harmless: no control characters, and no more than ``limit`` others."""
    shown = anything if len(anything) <= limit else anything[: limit - 1] + "…"
    return "".join(character if character.isprintable() else "�" for character in shown)
