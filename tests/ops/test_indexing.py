"""Indexing has NumPy's meaning, and its gradient is one for each time an element was taken."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays, basic_indices, integer_array_indices

import minigrad as mg
from minigrad.ops.indexing import index_put
from ops_table import every_target

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
        (5, r"index: 5 is out of range for dim 0, of size 2, of x of shape \(2, 3\)"),
        ((..., -4), "index: -4 is out of range for dim 1, of size 3"),
        ((None, [0, 7]), "index: 7 is out of range for dim 0, of size 2"),
        ((0, 0, 0), r"index: too many indices for x of shape \(2, 3\): 3, it takes 2"),
        ((..., ...), "index: '...' may stand in a key once, not 2 times"),
        (1.5, "index: 1.5 cannot be an index: use ints, slices, None"),
        ("a", "index: 'a' cannot be an index: use ints, slices, None"),
        (mg.tensor([0.0, 1.0]), "index: tensors and arrays must be integer or bool, got float32"),
        (np.array([True]), r"index: a mask of shape \(1,\) does not fit x of shape \(2, 3\)$"),
        ((0, np.array([True])), r"a mask of shape \(1,\) does not fit x of shape \(2, 3\) from dim 1 on"),
    ],
)
def test_bad_keys_are_refused(key: Any, text: str) -> None:
    with pytest.raises(IndexError, match=text):
        mg.zeros(2, 3)[key]
    with pytest.raises(IndexError, match=text):
        mg.zeros(2, 3)[key] = 1


def test_an_array_beside_a_slice_and_an_int_puts_its_dims_in_front_as_in_numpy() -> None:
    a = np.arange(24.0).reshape(2, 3, 4)
    for key in [(0, slice(None), [1, 1]), ([1, 0], slice(None), 2), ([0, 1], slice(None), [2, 3])]:
        check((2, 3, 4), key)
        assert mg.tensor(a)[key].shape == a[key].shape


def test_negative_steps_are_views_in_reverse() -> None:
    check((5, 3), (slice(None, None, -2), slice(2, None, -1)))
    x = mg.arange(6)
    assert x[::-1].tolist() == [5, 4, 3, 2, 1, 0]
    assert np.shares_memory(x[::-1].array, x.array)


@pytest.mark.parametrize("yes", [True, np.True_, np.array(True), mg.tensor(True)])
def test_a_single_bool_is_a_mask_of_no_dims(yes: Any) -> None:
    x = mg.tensor([1.0, 2.0], requires_grad=True)
    assert (x[yes].shape, x[yes == False].shape) == ((1, 2), (0, 2))  # noqa: E712
    assert not np.shares_memory(x[yes].array, x.array)
    (x[yes] * 3).sum().backward()
    assert x.grad.tolist() == [3, 3]
    assert mg.tensor(5.0)[yes].tolist() == [5]


def test_an_integer_tensor_without_dims_is_an_int_and_gives_a_view() -> None:
    x = mg.arange(6).reshape(2, 3)
    assert np.shares_memory(x[mg.tensor(1)].array, x.array)
    assert x[mg.tensor(-1), 1:].tolist() == [4, 5]


# -- put ------------------------------------------------------------------------------------------------------


PUTS: list[tuple[Any, tuple[int, ...], tuple[int, ...]]] = [
    (0, (2, 3), (3,)),
    (0, (2, 3), (1, 1, 3)),
    ((0, 1), (2, 3), ()),
    (slice(None, None, -1), (3, 2), (3, 2)),
    ((..., None, slice(1, None)), (2, 3), (1, 2)),
    ([0, 1, 0], (2, 3), (3, 3)),
    ([0, 1, 0], (2, 3), (3,)),
    ([0, 1, 0], (2, 3), ()),
    ((slice(None), [1, 1]), (2, 3), (2, 2)),
    (([0, 0], [1, 1]), (2, 3), (1, 1, 2)),
    ((0, slice(None), [1, 1]), (2, 3, 4), (2, 3)),
    (np.array([[True, False, True], [False, True, True]]), (2, 3), (4,)),
    (np.array([False, False]), (2, 3), (0, 3)),
    (True, (2,), (2,)),
    (..., (), ()),
]


@every_target
@pytest.mark.parametrize(("key", "shape", "v_shape"), PUTS)
def test_put_is_numpys_assignment_to_a_copy_and_has_derivatives(
    key: Any, shape: tuple[int, ...], v_shape: tuple[int, ...], target: str
) -> None:
    random = np.random.default_rng(0)
    x = mg.tensor(random.normal(size=shape), requires_grad=True)
    v = mg.tensor(random.normal(size=v_shape), requires_grad=True)
    before = x.tolist()
    expected = x.array.copy()
    expected[key] = v.array
    with mg.use_kernels(target):
        np.testing.assert_array_equal(index_put(x, key, v).array, expected)
        mg.gradcheck(lambda x, v: index_put(x, key, v), [x, v])
        mg.gradgradcheck(lambda x, v: index_put(x, key, v), [x, v])
    assert x.tolist() == before


def test_where_an_index_repeats_the_last_value_stays_and_it_alone_has_a_gradient() -> None:
    x, v = mg.zeros(3, requires_grad=True), mg.tensor([1.0, 2.0, 3.0], requires_grad=True)
    out = index_put(x, [1, 1, 2], v)
    assert out.tolist() == [0, 2, 3]
    out.backward(mg.tensor([5.0, np.inf, 7.0]))  # what was overwritten has no gradient, not 0 times Inf
    assert (v.grad.tolist(), x.grad.tolist()) == ([0, np.inf, 7], [5, 0, 0])


def test_put_takes_numbers_and_converts_to_the_dtype_of_x() -> None:
    assert index_put(mg.zeros(2), 0, 1).tolist() == [1, 0]
    out = index_put(mg.arange(2), 0, mg.tensor(2.9))
    assert (out.tolist(), out.dtype) == ([2, 1], mg.int64)


@pytest.mark.parametrize("shape", [(2,), (2, 3), (2, 1, 3), (0,)])
def test_a_value_that_does_not_broadcast_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"v of shape .* does not broadcast to \(3,\)"):
        index_put(mg.zeros(2, 3), 0, mg.zeros(shape))


@pytest.mark.parametrize("second", [[0, 1], []], ids=["of another size", "empty"])
def test_index_arrays_that_do_not_broadcast_are_refused(second: list[int]) -> None:
    x = mg.ones(2, 3)
    match = r"index: the shapes \(3,\) and \(\d,\) do not broadcast"
    with pytest.raises(IndexError, match=match):
        x[[0, 1, 1], second]
    with pytest.raises(IndexError, match=match):
        x[mg.tensor([0, 1, 1]), second] = 5
    assert (x.tolist(), x.version.value) == ([[1] * 3] * 2, 0)
