"""Sorting: the order of NaN and of equals, and where gradients go."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minigrad as mg

NAN = float("nan")


@pytest.fixture(params=["reference", "numba"], autouse=True)
def _target(request: pytest.FixtureRequest) -> Any:
    with mg.use_kernels(request.param):
        yield


def test_nan_is_the_largest_and_equals_keep_their_order() -> None:
    x = mg.tensor([3.0, NAN, 1.0, NAN, 3.0])
    assert x.sort().indices.tolist() == x.argsort(stable=True).tolist() == [2, 0, 4, 1, 3]
    assert x.sort(descending=True).indices.tolist() == [1, 3, 0, 4, 2]
    np.testing.assert_array_equal(x.sort().values.array, [1, 3, 3, NAN, NAN])
    assert x.topk(3).indices.tolist() == [1, 3, 0]
    assert x.topk(4, largest=False).indices.tolist() == [2, 0, 4, 1]
    assert x.topk(3, sorted=False).indices.tolist() == [0, 1, 3]


def test_gradients_go_where_the_elements_came_from() -> None:
    x = mg.tensor([[3.0, 1.0, 2.0]], requires_grad=True)
    x.sort().values.backward(mg.tensor([[10.0, 20.0, 30.0]]))
    assert x.grad.tolist() == [[30, 10, 20]]
    (taken,) = mg.grad(x.topk(2).values.sum(), x)
    assert taken.tolist() == [[1, 0, 1]]


def test_indices_changed_in_place_do_not_change_the_gradient() -> None:
    x = mg.tensor([3.0, 1.0, 2.0], requires_grad=True)
    for found in (x.sort(), x.topk(1), x.max(0, keepdim=True), x.median(0, keepdim=True)):
        (before,) = mg.grad(found.values.sum(), x, retain_graph=True)
        found.indices.zero_()
        (after,) = mg.grad(found.values.sum(), x)
        assert before.tolist() == after.tolist()


def test_indices_need_no_gradient() -> None:
    x = mg.tensor([3.0, 1.0], requires_grad=True)
    assert not x.sort().indices.requires_grad
    assert not x.argsort().requires_grad


def test_scalars_and_empty_tensors_can_be_sorted() -> None:
    assert [t.item() for t in mg.tensor(3.0).sort(dim=-1)] == [3, 0]
    assert [t.item() for t in mg.tensor(3.0).topk(1, dim=0)] == [3, 0]
    assert mg.tensor(3.0).argsort().item() == 0
    assert mg.zeros(0, 2).sort(0).values.shape == (0, 2)
    assert mg.zeros(3, 0).topk(2, dim=0).values.shape == (2, 0)
    assert mg.tensor(3.0).topk(0).values.shape == ()


def test_numpy_integers_count_as_k() -> None:
    assert mg.tensor([3.0, 1.0]).topk(np.int64(1)).values.tolist() == [3]
