"""Gather, scatter and the like: repeats, scalars, and indices that do not fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad as mg


@pytest.fixture(params=["reference", "numba"], autouse=True)
def _target(request: pytest.FixtureRequest) -> Any:
    with mg.use_kernels(request.param):
        yield


def test_elements_taken_twice_receive_both_gradients() -> None:
    x = mg.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    index = mg.tensor([[0, 0], [1, 0]])
    for out in (x.gather(1, index), x.take_along_dim(index, 1), x.index_select(0, mg.tensor([0, 0, 1]))):
        (found,) = mg.grad(out.sum(), x)
        assert found.tolist() in ([[2, 0], [1, 1]], [[2, 2], [1, 1]])


def test_scattered_twice_the_last_stays_and_added_twice_both_count() -> None:
    index, src = mg.tensor([1, 1, 0]), mg.tensor([1.0, 2.0, 3.0], requires_grad=True)
    put, added = mg.ones(2).scatter(0, index, src), mg.ones(2).scatter_add(0, index, src)
    assert (put.tolist(), added.tolist()) == ([3, 2], [4, 4])
    assert mg.grad(put.sum(), src)[0].tolist() == [0, 1, 1]
    assert mg.grad(added.sum(), src)[0].tolist() == [1, 1, 1]


def test_an_argsort_undoes_itself() -> None:
    x = mg.tensor(np.random.default_rng(0).normal(size=(3, 5)))
    order = x.argsort(1)
    assert x.take_along_dim(order, 1).take_along_dim(order.argsort(1), 1).tolist() == x.tolist()
    assert x.take_along_dim(order, 1).tolist() == x.sort(1).values.tolist()


def test_scalars_count_as_rows_of_one_element() -> None:
    s, zero = mg.tensor(5.0), mg.tensor(0)
    assert s.gather(0, mg.tensor([0, 0])).tolist() == [5, 5]
    assert mg.tensor([4.0, 5.0]).gather(0, mg.tensor(1)).item() == 5
    assert s.scatter(0, zero, 2.0).item() == 2
    assert s.scatter_add(0, mg.tensor([0, 0]), mg.tensor([1.0, 1.0])).item() == 7
    assert s.index_select(0, zero).item() == 5
    assert s.index_add(0, zero, mg.tensor(1.0)).item() == 6
    assert s.masked_select(mg.tensor(True)).tolist() == [5]
    assert s.take_along_dim(mg.tensor([0, 0])).tolist() == [5, 5]


def test_later_changes_of_the_index_do_not_matter() -> None:
    x, index, mask = mg.zeros(3, requires_grad=True), mg.tensor([0, 1]), mg.tensor([True, True, False])
    outs = [x.gather(0, index), x.index_select(0, index), x.masked_select(mask)]
    index.zero_()
    mask.zero_()
    assert [mg.grad(out.sum(), x)[0].tolist() for out in outs] == [[1, 1, 0]] * 3


def test_integers_are_moved_too() -> None:
    x = mg.arange(4)
    assert x.scatter(0, mg.tensor([1]), 7.9).tolist() == [0, 7, 2, 3]
    assert x.index_add(0, mg.tensor([1, 1]), mg.tensor([5, 5]), alpha=2).tolist() == [0, 21, 2, 3]
    assert x.index_add(0, mg.tensor([1]), mg.tensor([5]), alpha=1.5).tolist() == [0, 6, 2, 3]  # as in PyTorch
    assert x.gather(0, mg.tensor([3], dtype=mg.int32)).tolist() == [3]


X, I = mg.ones(2, 3), mg.zeros(2, 3, dtype=mg.int64)  # noqa: E741
MISTAKES: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: X.gather(0, mg.tensor([[2]])), IndexError, "gather: index 2 is out of range for dim 0 of size 2"),
    (lambda: X.gather(1, mg.tensor([[-1]])), IndexError, "gather: index -1 is out of range for dim 1 of size 3"),
    (lambda: X.gather(2, I), IndexError, "gather: dim 2 is out of range"),
    (lambda: X.gather(0, mg.tensor([0])), ValueError, "gather: x (2, 3) and index (1,) must have as many dim"),
    (lambda: X.gather(1, mg.zeros(3, 1, dtype=mg.int64)), ValueError,
     "gather: index (3, 1) is larger than x (2, 3) in dim 0"),
    (lambda: X.gather(0, X), TypeError, "gather: the index must be of integers, got float32"),
    (lambda: X.gather(0, [[0]]), TypeError, "gather() expects a Tensor, got list"),
    (lambda: X.take_along_dim(mg.tensor([0]), 1), ValueError,
     "take_along_dim: x (2, 3) and indices (1,) must have as many dimensions"),
    (lambda: X.take_along_dim(mg.zeros(3, 1, dtype=mg.int64), 1), ValueError,
     "take_along_dim: the shapes (2, 1) and (3, 1) do not broadcast"),
    (lambda: X.index_select(0, I), ValueError, "index_select: the index must be one row, it has shape (2, 3)"),
    (lambda: X.index_select(1, mg.tensor([3])), IndexError,
     "index_select: index 3 is out of range for dim 1 of size 3"),
    (lambda: X.masked_select(I), TypeError, "masked_select: the mask must be bool, got int64: use mask != 0"),
    (lambda: X.masked_select(mg.tensor([True, False])), ValueError, "masked_select: the shapes (2, 3) and (2,)"),
    (lambda: X.scatter(0, I), TypeError, "scatter: takes either src or value"),
    (lambda: X.scatter(0, I, 1.0, value=1.0), TypeError, "scatter: takes either src or value"),
    (lambda: X.scatter(0, I, mg.ones(1, 3)), ValueError, "scatter: src (1, 3) is smaller than index (2, 3)"),
    (lambda: X.scatter(0, I, I), TypeError, "scatter: the dtypes float32, int64 must be equal"),
    (lambda: X.scatter(0, I, "1"), TypeError, "scatter() expects tensors and Python numbers, got str"),
    (lambda: X.scatter_add(0, I, 1.0), TypeError, "scatter_add() expects a Tensor, got float"),
    (lambda: X.scatter_add(0, I, mg.ones(6)), ValueError, "scatter_add: src (6,) is smaller than index (2, 3)"),
    (lambda: X.index_add(0, mg.tensor([0]), mg.ones(2, 3)), ValueError,
     "index_add: source has shape (2, 3), but 1 slices along dim 0 of x (2, 3) have shape (1, 3)"),
    (lambda: X.index_add(0, mg.tensor([0]), I[:1]), TypeError, "index_add: the dtypes float32, int64 must be"),
]  # fmt: skip


@pytest.mark.parametrize(("mistake", "error", "text"), MISTAKES, ids=[text[:50] for _, _, text in MISTAKES])
def test_mistake_is_refused_with_its_text(mistake: Callable[[], Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        mistake()
    assert str(caught.value).startswith(text)
