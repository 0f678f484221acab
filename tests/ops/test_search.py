"""Where elements are, which there are, how often: options, empty tensors, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minigrad as mg

NAN = float("nan")


def plain(found: Any) -> Any:
    return [t.tolist() for t in found] if isinstance(found, (tuple, list)) else found.tolist()


@pytest.mark.peer
@pytest.mark.parametrize(
    "call",
    [
        lambda m: m.nonzero(m.tensor(2.0)),
        lambda m: m.nonzero(m.tensor(0)),
        lambda m: m.nonzero(m.tensor(3), as_tuple=True),
        lambda m: m.nonzero(m.tensor([[True, False], [True, True]]), as_tuple=True),
        lambda m: m.where(m.tensor([0.0, NAN, -1.0])),
        lambda m: m.tensor([[1, 0], [0, 2]])[m.where(m.tensor([[1, 0], [0, 2]]))],
        lambda m: m.unique(m.tensor([3, 1, 3, 2])),
        lambda m: m.unique(m.tensor([[3, 1], [3, 2]]), return_inverse=True, return_counts=True),
        lambda m: m.tensor([[3, 1], [0, 2], [3, 1]]).unique(sorted=False, dim=0, return_counts=True),
        lambda m: m.unique(m.tensor([[3, 1, 3]]), dim=-1, return_inverse=True),
        lambda m: m.unique(m.tensor([True, False, True])),
        lambda m: m.unique(m.zeros(0)),
        lambda m: m.bincount(m.tensor([1, 3, 1], dtype=m.uint8), minlength=2),
        lambda m: m.bincount(m.tensor([1, 3, 1]), m.tensor([1, 2, 3]), 6),
        lambda m: m.bincount(m.tensor([1, 3, 1]), m.tensor([0.5, 2.0, 3.0])),
        lambda m: m.zeros(0, dtype=m.int64).bincount(),
        lambda m: m.quantile(m.tensor([1.0, NAN, 3.0]), 0.5),
        lambda m: m.quantile(m.tensor([[1.0, NAN], [3.0, 4.0]]), m.tensor([0.0, 0.5]), dim=1, keepdim=True),
        lambda m: m.tensor([1.0, 2.0, 4.0]).quantile(m.tensor(0.25), interpolation="nearest"),
        lambda m: m.einsum("ij,jk->ik", [m.ones(2, 3), m.ones(3, 1)]),
        lambda m: m.logaddexp(m.tensor([1000.0, -float("inf")]), m.tensor([1000.0, -2.0])),
        lambda m: m.zeros(3, 2).fill_diagonal_(1.5),
        lambda m: m.zeros(7, 2).fill_diagonal_(2, wrap=True),
        lambda m: m.zeros(2, 5).fill_diagonal_(2, wrap=True),
        lambda m: m.zeros(2, 2, 2).fill_diagonal_(3),
    ],
)
def test_options_give_what_they_give_in_pytorch(call: Any) -> None:
    torch = pytest.importorskip("torch")
    ours, theirs = call(mg), call(torch)
    np.testing.assert_equal(plain(ours), plain(theirs))
    for found, wanted in zip(*[t if isinstance(t, tuple) else (t,) for t in (ours, theirs)], strict=True):
        assert (found.shape, f"torch.{found.dtype}") == (tuple(wanted.shape), str(wanted.dtype))


REFUSED: list[tuple[Any, type[Exception], str]] = [
    (lambda: mg.where(mg.ones(2), 1.0), TypeError, "where() expects a condition alone, or with two values"),
    (lambda: mg.unique(mg.ones(2), dim=1), IndexError, "unique: dim 1 is out of range for 1 dimensions"),
    (lambda: mg.unique(mg.tensor(2.0), dim=0), IndexError, "unique: a tensor without dimensions has no dim 0"),
    (lambda: mg.bincount(mg.ones(2)), TypeError, "bincount: takes integers, got float32"),
    (lambda: mg.bincount(mg.tensor([1, -2])), ValueError, "bincount: counts integers from 0, got -2"),
    (lambda: mg.bincount(mg.tensor([1]), minlength=-1), ValueError, "from 0, got a minlength of -1"),
    (lambda: mg.bincount(mg.tensor([[1]])), ValueError, "takes integers (n,) and as many weights, got (1, 1)"),
    (lambda: mg.bincount(mg.tensor([1]), mg.ones(2)), ValueError, "got (1,) and weights (2,)"),
    (lambda: mg.quantile(mg.ones(2), 1.5), ValueError, "q must be one number in [0, 1], or a row"),
    (lambda: mg.quantile(mg.ones(2), mg.ones(1, 1)), ValueError, "quantile: q must be one number in [0, 1]"),
    (lambda: mg.quantile(mg.ones(2), mg.ones(1).double()), TypeError, "x is float32 and q float64: use q.to(x)"),
    (lambda: mg.quantile(mg.ones(2), 0.5, interpolation="up"), ValueError, "there is no interpolation 'up'"),
    (lambda: mg.quantile(mg.arange(2), 0.5), TypeError, "quantile: x must be of floats, it is int64"),
    (lambda: mg.quantile(mg.ones(0), 0.5), ValueError, "quantile"),
    (lambda: mg.arange(3).narrow(0, 1, 3), ValueError, "narrow: there are no 3 places from 1 on in dim 0"),
    (lambda: mg.arange(3).narrow(0, 4, 0), IndexError, "narrow: start 4 is out of range for dim 0 of size 3"),
    (lambda: mg.arange(3).select(0, 3), IndexError, "select: index 3 is out of range for dim 0 of size 3"),
    (lambda: mg.cdist(mg.ones(2, 3), mg.ones(2, 4)), ValueError, "cdist: takes (..., P, M), (..., R, M)"),
    (lambda: mg.addmm(mg.ones(3, 2), mg.ones(2, 3), mg.ones(3, 2)), ValueError, "addmm"),
    (lambda: mg.addmm(mg.ones(2), mg.ones(2, 3), mg.ones(2, 3)), ValueError, "addmm: (2, 3) @ (2, 3)"),
    (lambda: mg.addmm(mg.arange(1), mg.ones(1, 1), mg.ones(1, 1)), TypeError, "addmm: the dtypes int64, float32"),
    (lambda: mg.logaddexp(mg.arange(2), mg.arange(2)), TypeError, "logaddexp: x must be of floats, it is int64"),
    (lambda: mg.zeros(3).fill_diagonal_(1), ValueError, "fill_diagonal_: a tensor of shape (3,) has no diagonal"),
    (lambda: mg.zeros(3, 3, 2).fill_diagonal_(1), ValueError, "fill_diagonal_"),
]


@pytest.mark.parametrize(("call", "error", "message"), REFUSED, ids=[row[2] for row in REFUSED])
def test_a_wrong_argument_is_refused(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        call()
    assert message in str(caught.value)


def test_each_slice_with_a_nan_is_different() -> None:
    x = mg.tensor([[1.0, NAN], [2.0, 0.0], [1.0, NAN], [2.0, 0.0]])
    values, inverse, counts = mg.unique(x, dim=0, return_inverse=True, return_counts=True)
    np.testing.assert_array_equal(values.array, [[1, NAN], [1, NAN], [2, 0]])
    assert (inverse.tolist(), counts.tolist()) == ([0, 2, 1, 2], [1, 1, 2])


def test_narrow_and_select_are_views() -> None:
    x = mg.zeros(2, 3)
    x.narrow(1, 1, 2).fill_(1.0)
    x.select(0, 1).mul_(5.0)
    assert x.tolist() == [[0, 1, 1], [0, 5, 5]]


def test_gradient_of_what_is_no_number_is_none() -> None:
    x = mg.tensor([NAN, 2.0, float("inf")], requires_grad=True)
    (x.nan_to_num() * 3).sum().backward()
    assert x.grad.tolist() == [0, 3, 0]


def test_a_filled_diagonal_passes_no_gradient() -> None:
    x = mg.ones(2, 2, requires_grad=True)
    y = x * 2
    y.fill_diagonal_(7.0)
    y.sum().backward()
    assert (y.tolist(), x.grad.tolist()) == ([[7, 2], [2, 7]], [[0, 2], [2, 0]])


def test_detach_in_place_makes_a_leaf_and_is_refused_for_a_view() -> None:
    x = mg.ones(2, 2, requires_grad=True)
    y = x * 2
    assert y.detach_() is y and (y.grad_fn, y.requires_grad, x.requires_grad) == (None, False, True)
    (y * x).sum().backward()
    assert x.grad.tolist() == [[2, 2], [2, 2]]
    with pytest.raises(RuntimeError, match="a view is not cut off in place"):
        (x * 2)[0].detach_()
