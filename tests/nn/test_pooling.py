"""Pooling layers and upsampling: against PyTorch's, ties and NaN, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.nn import functional as F

RNG = np.random.default_rng(7)

#: A layer's name, its arguments, and the shape of its x.
LAYERS: list[tuple[str, tuple[Any, ...], dict[str, Any], tuple[int, ...]]] = [
    ("MaxPool1d", (2,), {}, (2, 3, 9)),
    ("MaxPool1d", (3, 2), {"padding": 1, "dilation": 2, "ceil_mode": True}, (3, 12)),
    ("MaxPool2d", (2,), {}, (4, 3, 28, 28)),
    ("MaxPool2d", ((3, 2), (1, 2)), {"padding": (1, 0), "dilation": (2, 1)}, (2, 3, 9, 8)),
    ("MaxPool2d", (3, 2, 1), {"ceil_mode": True}, (3, 10, 9)),
    ("AvgPool1d", (2,), {}, (2, 3, 9)),
    ("AvgPool1d", (3, 2, 1), {"ceil_mode": True, "count_include_pad": False}, (3, 12)),
    ("AvgPool2d", (2,), {}, (4, 3, 28, 28)),
    ("AvgPool2d", ((3, 2), (1, 2)), {"padding": (1, 0)}, (2, 3, 9, 8)),
    ("AvgPool2d", (3, 2, 1), {"ceil_mode": True}, (3, 10, 9)),
    ("AvgPool2d", (3, 2, 1), {"ceil_mode": True, "count_include_pad": False}, (3, 10, 9)),
    ("AvgPool2d", (3,), {"divisor_override": 2}, (2, 3, 10, 9)),
    ("AdaptiveAvgPool1d", (4,), {}, (2, 3, 9)),
    ("AdaptiveAvgPool2d", (1,), {}, (2, 3, 7, 5)),
    ("AdaptiveAvgPool2d", ((3, None),), {}, (3, 7, 5)),
    ("AdaptiveMaxPool1d", (4,), {}, (2, 3, 9)),
    ("AdaptiveMaxPool2d", ((3, 4),), {}, (2, 3, 7, 5)),
    ("Upsample", (), {"scale_factor": 2}, (2, 3, 4)),
    ("Upsample", ((5, 9),), {}, (2, 3, 4, 5)),
    ("Upsample", (), {"scale_factor": (1.5, 2.7), "mode": "bilinear"}, (2, 3, 4, 5)),
    ("Upsample", (7,), {"mode": "bilinear", "align_corners": True}, (2, 3, 4, 5)),
    ("Upsample", (7,), {"mode": "linear"}, (2, 3, 4)),
    ("Upsample", (), {"scale_factor": 2.6, "mode": "bicubic", "recompute_scale_factor": True}, (2, 3, 4, 5)),
]


@pytest.mark.peer
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-10), ("float32", 1e-5)])
@pytest.mark.parametrize(("name", "args", "options", "shape"), LAYERS)
def test_a_layer_does_what_pytorchs_does(name, args, options, shape, dtype, tolerance):
    torch = pytest.importorskip("torch")
    x = RNG.normal(0, 1, shape).astype(dtype)
    results = []
    for framework in (mg, torch):
        layer = getattr(framework.nn, name)(*args, **options)
        t = framework.tensor(x, requires_grad=True)
        y = layer(t)
        (y * y * y).sum().backward()
        results.append((repr(layer), y.detach().numpy(), t.grad.numpy()))
    (text, y, dx), (text_peer, y_peer, dx_peer) = results
    assert text == text_peer
    np.testing.assert_allclose(y, y_peer, tolerance, tolerance)
    np.testing.assert_allclose(dx, dx_peer, tolerance, tolerance)


@pytest.mark.peer
@pytest.mark.parametrize(
    ("name", "args"), [("MaxPool1d", (3, 1, 1)), ("MaxPool2d", (2,)), ("AdaptiveMaxPool2d", (2,))]
)
def test_indices_are_pytorchs(name, args):
    torch = pytest.importorskip("torch")
    x = RNG.integers(0, 4, (2, 5, 6)).astype("float32")  # with ties
    y, index = getattr(nn, name)(*args, return_indices=True)(mg.tensor(x))
    y_peer, index_peer = getattr(torch.nn, name)(*args, return_indices=True)(torch.tensor(x))
    assert index.dtype == mg.int64
    np.testing.assert_array_equal(y.numpy(), y_peer.numpy())
    np.testing.assert_array_equal(index.numpy(), index_peer.numpy())


def test_of_equal_elements_the_first_gets_the_gradient():
    x = mg.tensor([[1.0, 2.0, 2.0, 2.0]], requires_grad=True)
    F.max_pool1d(x, 2).sum().backward()
    assert x.grad.tolist() == [[0.0, 1.0, 1.0, 0.0]]


def test_nan_is_the_largest():
    x = mg.tensor([[[1.0, float("nan")], [3.0, 2.0]]])
    y, index = F.max_pool2d(x, 2, return_indices=True)
    assert np.isnan(y.item()) and index.item() == 1


def test_an_element_that_is_largest_in_two_windows_gets_both_gradients():
    x = mg.tensor([[0.0, 5.0, 1.0]], requires_grad=True)
    F.max_pool1d(x, 2, stride=1).sum().backward()
    assert x.grad.tolist() == [[0.0, 2.0, 0.0]]


def test_pooling_of_nothing_gives_nothing():
    for layer in (nn.MaxPool2d(2), nn.AvgPool2d(2), nn.AdaptiveAvgPool2d(2)):
        assert layer(mg.ones(0, 3, 4, 4)).shape == (0, 3, 2, 2)


def test_nearest_upsampling_repeats_elements_and_its_gradient_adds_them():
    x = mg.tensor([[[1.0, 2.0]]], requires_grad=True)
    y = nn.Upsample(scale_factor=3)(x)
    assert y.tolist() == [[[1.0, 1.0, 1.0, 2.0, 2.0, 2.0]]]
    y.sum().backward()
    assert x.grad.tolist() == [[[3.0, 3.0]]]


@pytest.mark.parametrize("target", ["numba", "reference"])
@pytest.mark.parametrize("layer", [nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d])
@pytest.mark.parametrize("size", [(0, 2), (2, 0), 0], ids=str)
def test_an_output_of_no_elements_is_empty_and_its_gradient_zero(layer, size, target):
    x = mg.ones(2, 3, 5, 7, requires_grad=True)
    with mg.use_kernels(target):
        y = layer(size)(x)
        y.sum().backward()
    assert y.shape == (2, 3, *(size if isinstance(size, tuple) else (size, size)))
    assert not x.grad.any()


def test_a_stride_may_be_a_number_of_numpy_or_none() -> None:
    x = mg.arange(6.0).reshape(1, 6)
    assert F.avg_pool1d(x, 2, np.int32(2)).tolist() == F.avg_pool1d(x, 2, ()).tolist() == [[0.5, 2.5, 4.5]]


def test_counts_kept_for_the_next_call_are_read_only() -> None:
    y = F.avg_pool1d(mg.ones(1, 1, 6, requires_grad=True), 2, padding=1)
    with pytest.raises(ValueError, match="read-only"):
        y.grad_fn._counts[0][:] = 1


WRONG: list[tuple[Any, type[Exception], str]] = [
    (lambda: F.max_pool2d(mg.ones(4), 2), ValueError, r"x of shape \(N, C, H, W\) or \(C, H, W\), got \(4,\)"),
    (
        lambda: F.max_pool2d(mg.ones(1, 2, 2), 3),
        ValueError,
        r"a window of size \(3, 3\) does not fit in x: its size in space is \(2, 2\)$",
    ),
    (
        lambda: F.max_pool1d(mg.ones(1, 2), 3, padding=1, dilation=3),
        ValueError,
        r"a window of size \(3,\), with a dilation of \(3,\), does not fit in x: .* is \(2,\), padded by \(1,\)$",
    ),
    (lambda: F.max_pool2d(mg.ones(1, 4, 4), 2, padding=2), ValueError, "more than half of the window"),
    (lambda: F.max_pool2d(mg.ones(1, 4, 4), (2, 2, 2)), ValueError, "kernel_size must be one number or 2"),
    (
        lambda: F.max_pool1d(mg.ones(1, 1), 2, padding=2, dilation=3),
        ValueError,
        "no element is in one of the windows",
    ),
    (lambda: F.max_pool1d(mg.ones(1, 4) > 0, 2), TypeError, "x must not be bool"),
    (lambda: F.max_pool1d("x", 2), TypeError, "expects a Tensor, got str"),
    (
        lambda: F.avg_pool1d(mg.arange(4).reshape(1, 4), 2),
        TypeError,
        "x must be of floats, it is int64: use x.float",
    ),
    (lambda: F.avg_pool2d(mg.ones(1, 4, 4), 2, divisor_override=0), ValueError, "an int that is not 0, got 0"),
    (lambda: F.adaptive_avg_pool2d(mg.ones(1, 4, 4), (1, 2, 3)), ValueError, "does not fit x"),
    (
        lambda: F.adaptive_avg_pool2d(mg.ones(1, 0, 4), 1),
        ValueError,
        r"an example has no elements, x is \(1, 0, 4\)",
    ),
    (lambda: F.adaptive_max_pool1d(mg.ones(1, 4), -1), ValueError, "output_size must be at least 0, got"),
    (lambda: F.interpolate(mg.ones(4), 2), ValueError, r"expects x of shape \(N, C, H, W\) or \(N, C, L\)"),
    (lambda: F.interpolate(mg.ones(1, 1, 4)), ValueError, "takes either size or scale_factor"),
    (lambda: F.interpolate(mg.ones(1, 1, 4), 2, 2.0), ValueError, "takes either size or scale_factor"),
    (lambda: F.interpolate(mg.ones(1, 1, 4), 2, mode="bilinear"), ValueError, "there is no mode 'bilinear' for x"),
    (lambda: F.interpolate(mg.ones(1, 1, 4), 2, align_corners=True), ValueError, "not for 'nearest'"),
    (lambda: F.interpolate(mg.ones(1, 1, 4), 2, recompute_scale_factor=True), ValueError, "is for a scale_factor"),
    (lambda: F.interpolate(mg.ones(1, 1, 4), scale_factor=0.1), ValueError, "leaves no elements"),
    (lambda: F.interpolate(mg.ones(1, 1, 4), scale_factor=-1.0), ValueError, "a positive scale_factor for each"),
    (lambda: F.interpolate(mg.ones(1, 1, 4), scale_factor="2"), TypeError, "scale_factor must be a number"),
    (lambda: F.interpolate(mg.ones(1, 1, 4), (2, 3)), ValueError, "a size for each of 1 dims of space"),
    (
        lambda: F.interpolate(mg.arange(4).reshape(1, 1, 4), 2, mode="linear"),
        TypeError,
        "x must be of floats, it is int64",
    ),
]


@pytest.mark.parametrize(("call", "error", "message"), WRONG)
def test_what_does_not_fit_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
