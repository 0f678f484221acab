"""Generators, and random tensors of distributions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad as mg

DRAWS: dict[str, Callable[..., mg.Tensor]] = {
    "rand": lambda **given: mg.rand(5, **given),
    "randn": lambda **given: mg.randn(5, **given),
    "randint": lambda **given: mg.randint(1000, (5,), **given),
    "randperm": lambda **given: mg.randperm(50, **given),
    "normal": lambda **given: mg.normal(0.0, 2.0, (5,), **given),
    "bernoulli": lambda **given: mg.bernoulli(mg.full((60,), 0.5), **given),
    "multinomial": lambda **given: mg.multinomial(mg.ones(50), 20, **given),
    "multinomial, again": lambda **given: mg.multinomial(mg.ones(50), 20, True, **given),
    "normal_": lambda **given: mg.empty(5).normal_(**given),
    "uniform_": lambda **given: mg.empty(5).uniform_(**given),
}


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_a_generator_gives_its_own_numbers_and_disturbs_no_other(draw: Callable[..., mg.Tensor]) -> None:
    before = mg.get_rng_state()
    one, two = mg.Generator().manual_seed(3), mg.Generator().manual_seed(3)
    first, second = draw(generator=one), draw(generator=one)
    assert mg.equal(first, draw(generator=two))
    assert not mg.equal(first, second)
    assert mg.get_rng_state() == before


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_without_a_generator_the_common_one_is_drawn_from(draw: Callable[..., mg.Tensor]) -> None:
    mg.manual_seed(3)
    first = draw()
    assert mg.equal(first, draw(generator=mg.Generator().manual_seed(3)))
    assert mg.manual_seed(3).initial_seed() == 3
    assert mg.equal(first, draw())


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_another_librarys_generator_is_refused(draw: Callable[..., mg.Tensor]) -> None:
    with pytest.raises(TypeError, match=r"a generator is a mg\.Generator, got Generator\(PCG64\)"):
        draw(generator=np.random.default_rng(0))


def test_a_generator_goes_on_from_a_state_and_is_seeded_anew() -> None:
    generator = mg.Generator().manual_seed(1)
    state = generator.get_state()
    first = mg.rand(3, generator=generator)
    generator.set_state(state)
    assert mg.equal(mg.rand(3, generator=generator), first)
    assert generator.initial_seed() == 1
    assert generator.seed() == generator.initial_seed() != mg.Generator().initial_seed()
    with pytest.raises(ValueError, match="this is not the state of a generator"):
        generator.set_state({})


def test_randint_takes_a_bound_and_a_size() -> None:
    mg.manual_seed(0)
    first = mg.randint(7, (2, 3))
    mg.manual_seed(0)
    assert mg.equal(first, mg.randint(0, 7, (2, 3)))


def test_normal_numbers_have_the_means_and_spreads() -> None:
    mean = mg.tensor([[-5.0], [5.0]])
    x = mg.normal(mean, mg.tensor([1.0, 3.0]).expand(4000, 1, 2))
    assert x.shape == (4000, 2, 2)
    np.testing.assert_allclose(x.mean(0).numpy(), [[-5, -5], [5, 5]], atol=0.2)
    np.testing.assert_allclose(x.std(0).numpy(), [[1, 3], [1, 3]], rtol=0.05)
    y = mg.normal(2.0, 0.5, (4000,))
    assert (y.mean().item(), y.std().item()) == pytest.approx((2, 0.5), rel=0.05)


def test_nothing_is_recorded_of_what_is_drawn() -> None:
    w = mg.full((3,), 0.5, requires_grad=True)
    assert not any(t.requires_grad for t in (mg.normal(w, 1.0), mg.bernoulli(w), mg.multinomial(w, 2)))


def test_bernoulli_is_1_as_often_as_it_should() -> None:
    p = mg.tensor([0.0, 0.25, 1.0], dtype=mg.float64).expand(4000, 3)
    drawn = mg.bernoulli(p)
    assert drawn.dtype == mg.float64
    np.testing.assert_allclose(drawn.mean(0).numpy(), [0, 0.25, 1], atol=0.03)
    assert mg.bernoulli(p).sum() != drawn.sum()


@pytest.mark.parametrize("replacement", [False, True])
def test_multinomial_draws_in_proportion_to_the_weights(replacement: bool) -> None:
    weights = mg.tensor([1.0, 0.0, 3.0, 4.0])
    places = mg.multinomial(weights.expand(8000, 4), 2, replacement).numpy()
    assert places.shape == (8000, 2)
    shares = np.bincount(places[:, 0], minlength=4) / 8000
    np.testing.assert_allclose(shares, [1 / 8, 0, 3 / 8, 1 / 2], atol=0.03)
    both = [1 / 8 * 3 / 8, 1 / 8 * 3 / 7][not replacement]
    assert ((places == [0, 2]).all(1)).mean() == pytest.approx(both, abs=0.015)
    assert (places[:, 0] == places[:, 1]).any() == replacement


def test_tensors_are_filled_in_place_with_random_numbers() -> None:
    w = mg.nn.Parameter(mg.zeros(4000))
    with mg.no_grad():
        assert w.normal_(3.0, 0.1) is w
    assert (w.mean().item(), w.std().item()) == pytest.approx((3, 0.1), rel=0.05)
    w.data.uniform_(-1, 1)
    assert -1 <= w.min().item() < -0.99
    assert 0.99 < w.max().item() < 1


@pytest.mark.parametrize(
    ("mistake", "error", "message"),
    [
        (lambda: mg.normal(0.0, 1.0), TypeError, "normal() takes two numbers and a size, or a tensor"),
        (lambda: mg.normal(mg.zeros(2), 1.0, (2,)), TypeError, "normal() takes two numbers and a size"),
        (lambda: mg.normal(0.0, -1.0, (2,)), ValueError, "normal: the spread must not be negative"),
        (lambda: mg.empty(2).normal_(0.0, -1.0), ValueError, "normal_: the spread must not be negative, got -1.0"),
        (lambda: mg.empty(2).uniform_(1.0, 0.0), ValueError, "uniform_: 1.0 is not below 0.0"),
        (lambda: mg.bernoulli(mg.tensor([1.5])), ValueError, "bernoulli: the input must be probabilities"),
        (lambda: mg.bernoulli(mg.tensor([math.nan])), ValueError, "bernoulli: the input must be probabilities"),
        (lambda: mg.bernoulli(mg.tensor([1])), TypeError, "bernoulli"),
        (lambda: mg.multinomial(mg.ones(2, 2, 2), 1), ValueError, "multinomial: takes (C) or (B, C)"),
        (lambda: mg.multinomial(mg.ones(2), 0), ValueError, "multinomial: takes (C) or (B, C) and at least one"),
        (lambda: mg.multinomial(mg.ones(2), 3), ValueError, "multinomial: 3 of the weights at least must not be"),
        (lambda: mg.multinomial(mg.zeros(2), 1, True), ValueError, "multinomial: 1 of the weights at least"),
        (lambda: mg.multinomial(mg.tensor([-1.0, 1.0]), 1), ValueError, "must be finite and not negative"),
        (lambda: mg.multinomial(mg.tensor([math.inf, 1.0]), 1), ValueError, "must be finite and not negative"),
    ],
)
def test_mistakes_are_refused(mistake: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        mistake()
    assert message in str(caught.value)
