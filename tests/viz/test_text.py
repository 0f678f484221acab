from __future__ import annotations

import math

import pytest

from minigrad.viz import text


def plain(values: list[float]) -> list[str]:
    """The columns with the ordinary minus and ordinary spaces."""
    return [column.replace(text.PAD, " ").replace(text.MINUS, "-") for column in text.columns(values)]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], []),
        ([0.0], ["0"]),
        ([2.0, -3.0], [" 2", "-3"]),
        ([0.5], ["0.5"]),
        ([0.25, 0.5], ["0.25", "0.50"]),
        ([0.10000000149011612], ["0.1"]),
        ([0.9999996, 3.7e-19, -4e-5], ["1.0000", " 4e-19", " -4e-5"]),
        ([0.9999996, 0.0], ["1.0000", "0.0000"]),
        ([1 / 3, -1 / 3], [" 0.3333", "-0.3333"]),
        ([123.456, 0.001], ["123.5", "0.001"]),
        ([12345.6], ["12346"]),
        ([1e-5, -2e7], [" 1.00e-05", "-2.00e+07"]),
        ([0.00123], ["0.00123"]),
        ([math.nan, math.inf, -math.inf, 0.5], [" nan", " inf", "-inf", " 0.5"]),
        ([math.nan], ["nan"]),
        ([True, False], ["1", "0"]),
        ([255, -1], ["255", " -1"]),
    ],
)
def test_numbers_align_and_the_largest_has_four_digits(values: list[float], expected: list[str]) -> None:
    assert plain(values) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("z = x W^T + b", "z = x Wᵀ + b"),
        ("a = 1 / (1 + e^-z)", "a = 1 / (1 + e⁻ᶻ)"),
        ("y = x^0.5", "y = x^0.5"),
        ("y = x^(1/2)", "y = x^(1/2)"),
        ("y = x^-12", "y = x⁻¹²"),
        ("l = max(z, 0) - z y + log(1 + e^-|z|)", "l = max(z, 0) − z y + log(1 + e^−|z|)"),
        ("a = the log-odds", "a = the log-odds"),
    ],
)
def test_powers_are_raised_only_where_every_sign_can_be(line: str, expected: str) -> None:
    assert text.formula(line, {}) == expected


@pytest.mark.parametrize(
    ("line", "words", "expected"),
    [
        ("out = x * y", {"out": "sum", "x": "a^2", "y": "b * e^-z"}, "sum = a^2 · b * e^-z"),
        ("y = sum x", {"x": "y"}, "y = Σ y"),
        ("y = x^exponent", {"exponent": "3"}, "y = x³"),
        ("y = x^exponent", {"exponent": "-0.5"}, "y = x^−0.5"),
        ("exponent x^(exponent - 1)", {"exponent": "2"}, "2 x"),
        ("exponent x^(exponent - 1)", {"exponent": "-1"}, "−1 x⁻²"),
        ("exponent x^(exponent - 1)", {"exponent": "0.5"}, "0.5 x^(0.5 − 1)"),
        ("y = e^x", {"x": "a + b"}, "y = e^(a + b)"),
        ("y = e^x", {"x": "a2"}, "y = e^a2"),
        ("out = x - y", {"x": "c", "y": "-2"}, "out = c − −2"),
    ],
)
def test_words_that_are_put_in_are_not_taken_for_signs(line: str, words: dict[str, str], expected: str) -> None:
    assert text.formula(line, words) == expected


def test_a_name_has_no_control_characters_and_an_end() -> None:
    assert text.name("a\nb\u202ec\ud800\0") == "a�b�c��"
    assert text.name("x" * 10_000) == "x" * 47 + "…"
    assert text.name("wörter 数 🎉") == "wörter 数 🎉"


def test_seven_digits_tell_a_number_from_its_neighbours_and_no_needless_ones_are_written() -> None:
    assert [text.columns([value], 7) for value in (1.0001, 0.10000000149, 2.0, 1e-8)] == [
        ["1.0001"], ["0.1"], ["2"], ["1.00e\N{MINUS SIGN}08"],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("y = w (z₁ − m) / (v + 1e-05)^(1/2) + b₂", ["y = w (z₁ − m) /", "(v + 1e-05)^(1/2) + b₂"]),
        ("y₁₂ = permute(y₁₀, (0, 2, 1, 3))", ["y₁₂ = permute(y₁₀,", "(0, 2, 1, 3))"]),
        ("c_t = f c_(t-1) + i g; h_t = o tanh c_t", ["c_t = f c_(t-1) + i g", "h_t = o tanh c_t"]),
        ("short", ["short"]),
        ("x" * 31, ["x" * 30, "x"]),
        ("", []),
    ],
)
def test_lines_are_even_and_do_not_end_within_brackets(line: str, expected: list[str]) -> None:
    assert text.wrap(line, 30) == expected
