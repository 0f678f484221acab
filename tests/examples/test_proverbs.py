"""examples/proverbs.py: characters as numbers and back, the part held out, and bits per character."""

from __future__ import annotations

import math

import numpy as np
import pytest

import minigrad as mg
import proverbs


def test_numbers_become_the_text_again() -> None:
    text = proverbs.TEXT[:500]
    assert proverbs.decode(proverbs.encode(text)) == text


def test_a_character_that_the_text_has_not_is_refused() -> None:
    with pytest.raises(ValueError, match="the text has no '#'"):
        proverbs.encode("a#a")


def test_no_line_is_lost_and_a_tenth_is_held_out() -> None:
    train, held_out = (proverbs.decode(part) for part in proverbs.load_text())
    lines = [*train.splitlines(), *held_out.splitlines()]
    assert sorted(lines) == sorted(proverbs.TEXT.splitlines())
    assert len(held_out.splitlines()) == len(lines) // proverbs.EVERY


def test_windows_hold_each_character_and_the_one_after_it() -> None:
    x, y = proverbs.windows(mg.arange(100), np.array([0, 7, 89]), 10)
    assert x.shape == y.shape == (3, 10)
    assert x[:, 0].tolist() == [0, 7, 89]
    assert (y == x + 1).all() and (x[:, 1:] == x[:, :-1] + 1).all()


def test_a_model_that_knows_nothing_costs_the_logarithm_of_the_alphabet() -> None:
    _, held_out = proverbs.load_text()
    n = len(proverbs.CHARACTERS)
    found = proverbs.bits_per_character(lambda x: mg.zeros(*x.shape, n), held_out, 64)
    assert found == pytest.approx(math.log2(n), rel=1e-6)


def test_the_frequencies_alone_cost_the_entropy_of_the_characters() -> None:
    numbers = proverbs.encode(proverbs.TEXT)
    p = np.bincount(numbers.numpy()) / len(numbers)
    found = proverbs.bits_per_character(lambda x: mg.tensor(np.log(p)).expand(*x.shape, len(p)), numbers, 10)
    assert found == pytest.approx(-(p * np.log2(p)).sum(), rel=1e-3)
