"""Numbers, shapes, formulas and names as the text that stands in a picture."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Mapping, Sequence

MINUS = "\N{MINUS SIGN}"
PAD = "\N{NO-BREAK SPACE}"  # Graphviz drops ordinary spaces
DOT = "\N{MIDDLE DOT}"
_JOINERS = "\u200c\u200d"  # between the letters of Persian and Hindi, and the parts of an emoji
_SIGNS = {"sum ": "Σ ", " * ": " · ", "-": MINUS}
_PIECES = re.compile(r"\bsum | \* |(?<!\w)-|(\^-?)?(\w+(?:\.\w+)?)")
_WHOLE = re.compile(r"[(\[][^()\[\]]{,20}[)\]]")
_DIFFERENCE = re.compile(rf"\^\(({MINUS}?\d+) {MINUS} (\d+)\)")
_LOWER = "₀₁₂₃₄₅₆₇₈₉"
_SUBSCRIPT = str.maketrans("0123456789", _LOWER)
_SUPERSCRIPT = str.maketrans(f"0123456789-{MINUS}naxyzTd", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁻ⁿᵃˣʸᶻᵀᵈ")


def columns(values: Sequence[float], digits: int = 4) -> list[str]:
    """Numbers of one array as text of one width, so that they align: the largest with so many digits.

    >>> [text.replace(PAD, " ").replace(MINUS, "-") for text in columns([0.5, -12.25, 3e-19])]
    ['  0.50', '-12.25', ' 3e-19']
    """
    decimals = _decimals(values, digits)
    texts = [_number(value, decimals) for value in values]
    width = max(map(len, texts), default=0)
    return [text.rjust(width, PAD) for text in texts]


def _decimals(values: Sequence[float], digits: int) -> int | None:
    """How many decimals show so many digits of the largest number; no needless 0s; None for powers of ten."""
    sizes = [abs(value) for value in values if math.isfinite(value)]
    largest = max(sizes, default=0.0)
    if all(value == int(value) for value in sizes) and largest < 1e6:
        return 0
    if not 1e-3 <= largest < 1e5:
        return None
    decimals = max(digits - 1 - math.floor(math.log10(largest)), 0)
    exact = 1e-7 * largest  # the rounding of float32; 0.9999996 is to be 1.0000, not 1
    while decimals and all(abs(value - round(value, decimals - 1)) <= exact for value in sizes):
        decimals -= 1
    return decimals


def _number(value: float, decimals: int | None) -> str:
    text = f"{value:.2e}" if decimals is None or not math.isfinite(value) else f"{value:.{decimals}f}"
    if value and not text.strip("-0."):  # 0.0000 would be taken for zero
        text = f"{value:.1g}".replace("e-0", "e-")
    return text.replace("-", MINUS)


def shape(sizes: tuple[int, ...], dtype: str) -> str:
    """A shape, and the dtype if it is not the usual one.

    >>> shape((2, 3), "float32"), shape((), "int64")
    ('(2, 3)', '() int64')
    """
    return str(sizes) if dtype == "float32" else f"{sizes} {dtype}"


def formula(line: str, words: Mapping[str, str]) -> str:
    """A formula in mathematical signs, with ``words`` in the place of some of its own, as they are.

    >>> formula("a = e^-z / sum x * y", {"y": "sum of x"})
    'a = e⁻ᶻ / Σ x · sum of x'
    >>> formula("y = x^exponent", {"exponent": "3"})
    'y = x³'
    """

    def typeset(piece: re.Match[str]) -> str:
        if piece[0] in _SIGNS:
            return _SIGNS[piece[0]]
        hat, word = piece.groups("")
        shown = hat.removeprefix("^") + re.sub(r"(?<![\w^])-(?=\d|inf)", MINUS, words.get(word, word))
        if not hat:
            return shown
        if re.fullmatch(rf"[-{MINUS}]?(\d+|[naxyzTd])", shown):
            return shown.translate(_SUPERSCRIPT)
        sign, power = ("", shown) if shown[0] not in "-" + MINUS else (MINUS, shown[1:])
        return f"^{sign}{power}" if re.fullmatch(r"[\w.]+", power) else f"^({shown})"

    return _DIFFERENCE.sub(_subtract, _PIECES.sub(typeset, line))


def _subtract(power: re.Match[str]) -> str:
    """The power of a derivative, such as x^(3 - 1), as a number: nothing for 1."""
    one, other = (int(number.replace(MINUS, "-")) for number in power.groups())
    return "" if one - other == 1 else str(one - other).translate(_SUPERSCRIPT)


def wrap(line: str, width: int) -> list[str]:
    """As few lines as hold at most ``width`` signs each, of about one length; ``;`` ends a line.

    What stands in brackets, such as a shape, stays whole if it is short.

    >>> wrap("a = z where z > 0, else 0.2 z", 28)
    ['a = z where z >', '0, else 0.2 z']
    """
    found: list[str] = []
    for part in _WHOLE.sub(lambda piece: piece[0].replace(" ", PAD), line).split("; "):
        lines = textwrap.wrap(part, width)
        sizes = range(len(part) // len(lines), width) if len(lines) > 1 else ()
        evener = (textwrap.wrap(part, size, break_long_words=False) for size in sizes)
        found += next((e for e in evener if len(e) == len(lines) and max(map(len, e)) <= width), lines)
    return [part.replace(PAD, " ") for part in found]


def numbered(symbol: str, number: int) -> str:
    """A symbol with a number that tells it from others.

    >>> numbered("W", 12)
    'W₁₂'
    """
    return f"{symbol}{str(number).translate(_SUBSCRIPT)}"


def unnumbered(symbol: str) -> str:
    """A symbol without the number that tells it from others.

    >>> unnumbered("W₁₂")
    'W'
    """
    return symbol.rstrip(_LOWER)


def name(anything: str, limit: int = 48) -> str:
    """A name from outside, made harmless: no control characters, and no more than ``limit`` others."""
    shown = anything if len(anything) <= limit else anything[: limit - 1] + "…"
    return "".join(sign if sign.isprintable() or sign in _JOINERS else "�" for sign in shown)


def count(number: int) -> str:
    """A count with three digits and a prefix, before its unit.

    >>> count(800), count(25_600), count(3_000_000_000)
    ('800 ', '25.6 k', '3 G')
    """
    size, prefix = float(number), ""
    for prefix in ("", "k", "M", "G", "T"):
        if size < 999.5 or prefix == "T":
            break
        size /= 1000
    return f"{size:.3g} {prefix}"


def plural(number: int, thing: str) -> str:
    """How many of something.

    >>> plural(1, "input"), plural(1200, "node")
    ('1 input', '1,200 nodes')
    """
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
