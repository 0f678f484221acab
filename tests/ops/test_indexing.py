"""Indexing has NumPy's meaning, and its gradient is one for each time an element was taken."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays, basic_indices, integer_array_indices

import minigrad as mg

examples = settings(max_examples=50, deadline=None, derandomize=True)
shapes = array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=4)


def check(shape: tuple[int, ...], key: Any) -> None:
    a = np.arange(float(np.prod(shape))).reshape(shape)
    x = mg.tensor(a, requires_grad=True)
    y = x[key]
    expected = a[key]
    assert y.shape == np.shape(expected)
    np.testing.assert_array_equal(y.array, expected)
    weights = np.arange(1.0, y.numel() + 1).reshape(y.shape)
    y.backward(mg.tensor(weights))
    scattered = np.zeros(shape)
    np.add.at(scattered, key, weights)
    np.testing.assert_array_equal(x.grad.array, scattered)


@examples
@given(st.data(), shapes)
def test_basic_keys(data: Any, shape: tuple[int, ...]) -> None:
    check(shape, data.draw(basic_indices(shape, allow_newaxis=True)))


@examples
@given(st.data(), shapes)
def test_integer_arrays(data: Any, shape: tuple[int, ...]) -> None:
    check(shape, data.draw(integer_array_indices(shape)))


@examples
@given(st.data(), shapes)
def test_masks(data: Any, shape: tuple[int, ...]) -> None:
    check(shape, data.draw(arrays(bool, shape)))


def test_element_taken_twice_gets_both_gradients() -> None:
    x = mg.zeros(3, requires_grad=True)
    x[[1, 1, 2]].sum().backward()
    assert x.grad.tolist() == [0, 2, 1]


def test_tensors_lists_and_numpy_integers_are_keys() -> None:
    x = mg.arange(6).reshape(2, 3)
    assert x[mg.tensor(1)].tolist() == [3, 4, 5]
    assert x[np.int64(1), mg.tensor([0, 2])].tolist() == [3, 5]
    assert x[mg.tensor([True, False])].tolist() == [[0, 1, 2]]
    assert x[[]].shape == (0, 3)
    assert x[x > 3].tolist() == [4, 5]


def test_slices_are_views_and_arrays_are_copies() -> None:
    x = mg.arange(6)
    assert np.shares_memory(x[1:4].array, x.array)
    assert not np.shares_memory(x[[1, 2]].array, x.array)


def test_key_that_changes_after_the_forward_pass_does_not_matter() -> None:
    x, key = mg.zeros(3, requires_grad=True), np.array([0, 1])
    y = x[key]
    key[:] = 2
    y.sum().backward()
    assert x.grad.tolist() == [1, 1, 0]


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (5, "index 5 is out of bounds for axis 0 with size 2"),
        ((0, 0, 0), "too many indices"),
        ([0, 7], "index 7 is out of bounds"),
        (1.5, "only integers"),
        ("a", "only integers"),
        (mg.tensor([0.0, 1.0]), "index: tensors and arrays must be integer or bool, got float32"),
        (np.array([True]), "boolean index did not match"),
    ],
)
def test_bad_keys_are_refused(key: Any, text: str) -> None:
    with pytest.raises(IndexError, match=text):
        mg.zeros(2, 3)[key]


def test_assignment_is_refused() -> None:
    x = mg.zeros(2)
    with pytest.raises(TypeError, match="tensors are not changed in place: build a new one"):
        x[0] = 1
    assert x.tolist() == [0, 0]
