"""First values: their bounds and moments, the seed, and that they are written in place."""

from __future__ import annotations

import math

import numpy as np
import pytest

import minigrad as mg
from minigrad.nn import init

SHAPE = (300, 200)  # fan out, fan in

UNIFORM = {  # the bound of each
    "uniform": (lambda t: init.uniform_(t, -0.25, 0.25), 0.25),
    "xavier": (init.xavier_uniform_, math.sqrt(6 / 500)),
    "xavier gain": (lambda t: init.xavier_uniform_(t, gain=2.0), 2 * math.sqrt(6 / 500)),
    "kaiming": (init.kaiming_uniform_, math.sqrt(2) * math.sqrt(3 / 200)),
    "kaiming out": (lambda t: init.kaiming_uniform_(t, mode="fan_out"), math.sqrt(2) * math.sqrt(3 / 300)),
    "kaiming a": (lambda t: init.kaiming_uniform_(t, a=math.sqrt(5)), 1 / math.sqrt(200)),
    "kaiming tanh": (lambda t: init.kaiming_uniform_(t, nonlinearity="tanh"), 5 / 3 * math.sqrt(3 / 200)),
}
NORMAL = {  # the standard deviation of each
    "normal": (lambda t: init.normal_(t, 0.0, 0.5), 0.5),
    "xavier": (init.xavier_normal_, math.sqrt(2 / 500)),
    "kaiming": (lambda t: init.kaiming_normal_(t, nonlinearity="relu"), math.sqrt(2 / 200)),
    "kaiming out": (lambda t: init.kaiming_normal_(t, mode="fan_out"), math.sqrt(2 / 300)),
}


@pytest.mark.parametrize("name", UNIFORM)
def test_uniform_rules_fill_their_range(name):
    mg.manual_seed(0)
    rule, bound = UNIFORM[name]
    x = rule(mg.zeros(SHAPE, dtype=mg.float64)).numpy()
    assert 0.999 * bound < np.abs(x).max() <= bound
    assert x.var() == pytest.approx(bound**2 / 3, rel=0.02)
    assert abs(x.mean()) < 5 * bound / math.sqrt(3 * x.size)


@pytest.mark.parametrize("name", NORMAL)
def test_normal_rules_have_their_standard_deviation(name):
    mg.manual_seed(0)
    rule, std = NORMAL[name]
    x = rule(mg.zeros(SHAPE, dtype=mg.float64)).numpy()
    assert x.std() == pytest.approx(std, rel=0.02)
    assert abs(x.mean()) < 5 * std / math.sqrt(x.size)
    assert np.abs(x).max() > 3.5 * std  # no uniform distribution


def test_the_field_of_a_convolution_counts_in_both_fans():
    mg.manual_seed(0)
    x = init.xavier_uniform_(mg.zeros(20, 10, 3, 3)).numpy()
    bound = math.sqrt(6 / (30 * 9))
    assert 0.99 * bound < np.abs(x).max() <= bound


def test_constants():
    assert init.zeros_(mg.ones(2)).tolist() == [0.0, 0.0]
    assert init.ones_(mg.zeros(2)).tolist() == [1.0, 1.0]
    assert init.constant_(mg.zeros(()), 2.5).item() == 2.5


def test_eye_has_ones_on_the_diagonal_alone():
    assert init.eye_(mg.ones(2, 3)).tolist() == [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]


@pytest.mark.parametrize("shape", [(4, 4), (3, 7), (7, 3), (3, 2, 5), (6, 2, 2), (1, 5)], ids=str)
@pytest.mark.parametrize("gain", [1.0, 2.5])
def test_orthogonal_rows_or_columns_have_the_length_of_the_gain(shape, gain):
    w = init.orthogonal_(mg.zeros(shape, dtype=mg.float64), gain).numpy().reshape(shape[0], -1)
    product = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
    np.testing.assert_allclose(product, gain**2 * np.eye(min(w.shape)), atol=1e-13)


def test_orthogonal_matrices_have_no_preferred_direction():
    first = np.array([init.orthogonal_(mg.zeros(2, 2, dtype=mg.float64)).numpy() for _ in range(4000)])
    np.testing.assert_allclose(first.mean(axis=0), 0.0, atol=0.06)  # QR alone gives a first column of one sign
    assert abs(np.linalg.det(first).mean()) < 0.06


NARROW = {  # mean, std, a, b: a wide range, its tails, narrow ones, and one on each side
    "default": (0.0, 1.0, -2.0, 2.0),
    "one side": (0.0, 1.0, 1.5, 9.0),
    "narrow": (0.0, 0.5, 0.1, 0.2),
    "above": (1.0, 0.5, 1.9, 2.3),
    "below": (1.0, 0.5, -0.5, 0.1),
}


@pytest.mark.parametrize("name", NARROW)
def test_a_truncated_normal_has_the_distribution_between_its_bounds(name):
    mean, std, a, b = NARROW[name]
    x = init.trunc_normal_(mg.zeros(200, 300, dtype=mg.float64), mean, std, a, b).numpy().ravel()
    assert a <= x.min() and x.max() <= b
    at = [math.erf((value - mean) / std / math.sqrt(2)) for value in (a, *np.linspace(a, b, 20)[1:-1], b)]
    wanted = (np.array(at) - at[0]) / (at[-1] - at[0])
    found = np.searchsorted(np.sort(x), np.linspace(a, b, 20)) / x.size
    np.testing.assert_allclose(found[1:-1], wanted[1:-1], atol=4 * 0.5 / math.sqrt(x.size))


def test_values_are_written_in_place_and_counted_as_a_change():
    p = mg.ones(2, requires_grad=True)
    loss = (p * p).sum()
    array = p.array
    assert init.normal_(p) is p
    assert p.array is array and p.dtype == mg.float32 and p.requires_grad
    with pytest.raises(RuntimeError, match="changed in place"):
        loss.backward()


def test_the_same_seed_gives_the_same_values():
    mg.manual_seed(5)
    first = init.kaiming_normal_(mg.zeros(3, 4)).tolist()
    mg.manual_seed(5)
    assert init.kaiming_normal_(mg.zeros(3, 4)).tolist() == first


@pytest.mark.parametrize(
    ("name", "param", "gain"),
    [
        ("linear", None, 1),
        ("conv2d", None, 1),
        ("conv_transpose3d", None, 1),
        ("sigmoid", None, 1),
        ("tanh", None, 5 / 3),
        ("relu", None, math.sqrt(2)),
        ("leaky_relu", None, math.sqrt(2 / 1.0001)),
        ("leaky_relu", 0.5, math.sqrt(1.6)),
        ("selu", None, 0.75),
    ],
)
def test_gains(name, param, gain):
    assert init.calculate_gain(name, param) == pytest.approx(gain, rel=1e-15)


@pytest.mark.parametrize(
    ("rule", "error", "message"),
    [
        (lambda t: init.uniform_(t, 1.0, 0.0), ValueError, "uniform_: the bounds must be in order, got a=1.0 and"),
        (lambda t: init.normal_(t, std=-1.0), ValueError, "normal_: std must not be negative, got -1.0"),
        (lambda t: init.kaiming_normal_(t, mode="fan"), ValueError, "there is no mode 'fan': use 'fan_in' or"),
        (lambda t: init.kaiming_uniform_(t, nonlinearity="gelu"), ValueError, "there is no gain for 'gelu': use"),
        (lambda t: init.xavier_normal_(t[0]), ValueError, r"weights must be \(out, in\) or .*, got \(3,\)"),
        (lambda t: init.xavier_uniform_(t[:0]), ValueError, r"and not empty, got \(0, 3\)"),
        (
            lambda t: init.ones_(t.to(mg.int64)),
            TypeError,
            "ones_: the tensor must be of floats, .* int64",
        ),
        (lambda t: init.trunc_normal_(t, std=0.0), ValueError, "std must be positive and a below b, got std=0.0"),
        (lambda t: init.trunc_normal_(t, a=1.0, b=1.0), ValueError, "a below b, got std=1.0, a=1.0 and b=1.0"),
        (
            lambda t: init.trunc_normal_(t, a=3.0, b=4.0),
            ValueError,
            "hardly anything .* is between a=3.0 and b=4.0",
        ),
        (lambda t: init.eye_(t[0]), ValueError, r"eye_: the tensor must have two dimensions, got shape \(3,\)"),
        (lambda t: init.orthogonal_(t[0]), ValueError, r"two dimensions or more, got shape \(3,\)"),
        (lambda t: init.zeros_(t.numpy()), TypeError, r"zeros_\(\) expects a Tensor, got ndarray"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_changes(rule, error, message):
    t = mg.full((2, 3), 7.0)
    with pytest.raises(error, match=message):
        rule(t)
    assert t.tolist() == [[7.0] * 3] * 2
