"""Dropout: what is dropped, by which factor the rest grows, and that a node repeats itself."""

from __future__ import annotations

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.kernels import cpu, reference
from minigrad.nn import functional as F


def test_a_share_p_becomes_zero_and_the_rest_keeps_the_mean():
    mg.manual_seed(0)
    y = F.dropout(mg.ones(100_000), 0.3).numpy()
    assert set(np.unique(y)) == {np.float32(0), np.float32(1 / 0.7)}
    assert abs((y == 0).mean() - 0.3) < 0.01


def test_the_gradient_goes_where_the_values_went_at_any_order():
    x = mg.randn(50, requires_grad=True)
    y = F.dropout(x)
    (dx,) = mg.grad((y * y).sum(), x, create_graph=True)
    mask = np.where(y.detach().numpy() == 0, 0, 2).astype(np.float32)
    np.testing.assert_allclose(dx.detach().numpy(), 2 * mask**2 * x.detach().numpy(), rtol=1e-6)
    (ddx,) = mg.grad(dx.sum(), x)
    np.testing.assert_allclose(ddx.numpy(), 2 * mask**2)


def test_a_node_gives_the_same_values_when_it_is_run_again():
    x = mg.randn(20, requires_grad=True)
    y = F.dropout(x)
    assert mg.record(y.grad_fn.fresh(), x).tolist() == y.tolist()


@pytest.mark.parametrize("dtype", [mg.float32, mg.float64])
@pytest.mark.parametrize("shape", [(1000,), (), (0, 3), (7, 9, 5)])
@pytest.mark.parametrize(("p", "together"), [(0.1, 1), (0.9, 1), (1.0, 1), (0.5, 5)])
def test_both_kinds_of_kernels_drop_the_same(dtype, shape, p, together):
    if together > 1 and shape[-1:] != (5,):
        shape = (4, 5)
    x = mg.randn(shape, dtype=dtype).numpy()
    for array in (x, x.T):
        for key in (0, 1, 2**64 - 1, 0x0123456789ABCDEF):
            got, want = (kernels.dropout(array, p, key, together) for kernels in (cpu, reference))
            assert got.dtype == want.dtype
            np.testing.assert_array_equal(got, want)


def test_what_is_dropped_goes_with_nothing():
    kept = {key: reference.dropout(np.ones(1 << 16), 0.5, key, 1) > 0 for key in (5, 6, 5 + (1 << 32), 1 << 40)}
    error = 4 / 2**8  # four standard deviations of a mean of 2^16 fair coins, times two
    for one in kept.values():
        for step in (1, 2, 3, 7, 64, 128, 784, 4096):  # nor with its neighbours
            assert abs((one[step:] == one[:-step]).mean() - 0.5) < error / 2
    for key, one in kept.items():
        for other in (k for k in kept if k != key):  # nor with those of another key
            assert abs((one == kept[other]).mean() - 0.5) < error / 2


def test_the_seed_decides_the_mask():
    masks = []
    for _ in range(2):
        mg.manual_seed(7)
        masks.append(nn.Dropout(0.5)(mg.ones(64)).tolist())
    assert masks[0] == masks[1]


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Dropout1d(0.5), (4, 8, 5)),
        (nn.Dropout1d(0.5), (8, 5)),
        (nn.Dropout2d(0.5), (4, 8, 3, 5)),
        (nn.Dropout2d(0.5), (8, 3, 5)),
    ],
)
def test_channels_are_dropped_whole_and_independently(layer, shape):
    mg.manual_seed(1)
    y = layer(mg.ones(shape)).numpy().reshape(-1, *shape[1:] if len(shape) == 2 else shape[-layer_dims(layer) :])
    rows = y.reshape(len(y), -1)
    assert (rows.max(1) == rows.min(1)).all()
    assert {0.0, 2.0} == set(rows[:, 0].tolist())


def layer_dims(layer: nn.Module) -> int:
    return 1 if isinstance(layer, nn.Dropout1d) else 2


@pytest.mark.parametrize("layer", [nn.Dropout(), nn.Dropout1d(), nn.Dropout2d()])
def test_nothing_happens_after_eval_or_with_p_zero(layer):
    x = mg.ones(2, 3, 4) if isinstance(layer, nn.Dropout1d) else mg.ones(2, 3, 4, 5)
    assert layer.eval()(x) is x
    assert type(layer)(0.0)(x) is x


def test_with_p_one_everything_is_zero():
    assert nn.Dropout(1.0)(mg.ones(9)).tolist() == [0.0] * 9


def test_the_dtype_is_that_of_the_input():
    assert F.dropout(mg.ones(5).double()).dtype == mg.float64


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: nn.Dropout(1.5), ValueError, r"Dropout: p is a probability in \[0, 1\], got 1.5"),
        (lambda: F.dropout(mg.ones(2), -0.1), ValueError, r"dropout: p is a probability"),
        (lambda: nn.Dropout("half"), TypeError, "p must be a number"),
        (lambda: F.dropout(mg.ones(2, dtype=mg.int64)), TypeError, "x must be of floats, it is int64"),
        (lambda: F.dropout2d(mg.ones(2, 3)), ValueError, r"expects \(N, C, H, W\) or \(C, H, W\), got \(2, 3\)"),
        (lambda: F.dropout1d(mg.ones(2)), ValueError, r"expects \(N, C, L\) or \(C, L\), got \(2,\)"),
    ],
)
def test_what_does_not_fit_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_in_place_is_taken_and_the_input_stays():
    x = mg.ones(8, requires_grad=True)
    mg.manual_seed(2)
    y = nn.Dropout(0.5, inplace=True)(x)
    mg.manual_seed(2)
    assert F.dropout(x, 0.5, True, True).tolist() == y.tolist()
    assert x.tolist() == [1.0] * 8 and repr(nn.Dropout(0.5)) == "Dropout(p=0.5, inplace=False)"
