"""Broadcasting and promotion, over the whole space of shapes and dtypes."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes

import minigrad as mg
from minigrad import dtypes

examples = settings(max_examples=50, deadline=None, derandomize=True)
pairs_of_shapes = mutually_broadcastable_shapes(num_shapes=2, max_dims=4, min_side=0, max_side=4)


def arrays(shapes: Any) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [np.asarray(rng.uniform(0.5, 2, shape)) for shape in shapes.input_shapes]


@examples
@given(pairs_of_shapes)
def test_add_and_mul_broadcast_as_numpy_does(shapes: Any) -> None:
    a, b = arrays(shapes)
    x, y = mg.from_numpy(a), mg.from_numpy(b)
    for out, expected in [(x + y, a + b), (x * y, a * b)]:
        assert out.shape == shapes.result_shape
        np.testing.assert_array_equal(out.array, expected)


@examples
@given(pairs_of_shapes, st.sampled_from(["add", "mul"]))
def test_gradient_of_a_broadcast_operand_is_summed_to_its_shape(shapes: Any, name: str) -> None:
    a, b = arrays(shapes)
    x, y = mg.from_numpy(a).requires_grad_(), mg.from_numpy(b).requires_grad_()
    getattr(mg, name)(x, y).sum().backward()
    full = np.ones(shapes.result_shape)
    for leaf, slope in [(x, full * b if name == "mul" else full), (y, full * a if name == "mul" else full)]:
        added = slope.ndim - leaf.ndim
        dims = tuple(d for d in range(slope.ndim) if d < added or leaf.shape[d - added] == 1)
        np.testing.assert_allclose(leaf.grad.array, slope.sum(dims).reshape(leaf.shape), rtol=1e-14)


@examples
@given(mutually_broadcastable_shapes(num_shapes=1, max_dims=3, max_side=4, min_side=0))
def test_sum_to_size_undoes_expand(shapes: Any) -> None:
    (shape,), big = shapes.input_shapes, shapes.result_shape
    x = mg.ones(shape)
    back = x.expand(big).sum_to_size(shape)
    assert back.shape == shape
    if back.numel():
        assert back.sum().item() == np.prod(big)


# -- dtypes ---------------------------------------------------------------------------------------------------

OPERATIONS = ["add", "sub", "mul", "div", "pow", "eq", "lt"]


def kind_of_result(name: str, x: mg.Tensor, y: Any) -> Any:
    try:
        return getattr(mg, name)(x, y).dtype.name
    except (TypeError, ValueError) as error:
        return type(error)


@pytest.mark.parametrize(
    ("x", "y", "expected"),
    [
        (mg.ones(2), mg.ones(2, dtype=mg.float64), "float64"),
        (mg.ones(2), mg.ones(2, dtype=mg.int64), "float32"),
        (mg.ones(2, dtype=mg.int8), mg.ones(2, dtype=mg.uint8), "int16"),
        (mg.ones(2, dtype=mg.int32), mg.ones(2, dtype=mg.bool_), "int32"),
        (mg.ones(2), mg.ones((), dtype=mg.float64), "float32"),  # a 0-d tensor gives way within its kind
        (mg.ones(2, dtype=mg.int32), mg.ones((), dtype=mg.int64), "int32"),
        (mg.ones(2, dtype=mg.int64), mg.ones(()), "float32"),
        (mg.ones(2, dtype=mg.int64), mg.ones((), dtype=mg.float64), "float64"),
        (mg.ones((), dtype=mg.float64), mg.ones(()), "float64"),
        (mg.ones(2, dtype=mg.float64), 2, "float64"),
        (mg.ones(2), 2.5, "float32"),
        (mg.ones(2, dtype=mg.int8), 2, "int8"),
        (mg.ones(2, dtype=mg.int8), 2.5, "float32"),
        (mg.ones(2, dtype=mg.bool_), 2, "int64"),
        (mg.ones(2, dtype=mg.bool_), True, "bool"),
        (mg.ones(2, dtype=mg.uint8), True, "uint8"),
    ],
)
def test_dtypes_promote_by_kind_then_size(x: mg.Tensor, y: Any, expected: str) -> None:
    assert (x + y).dtype == expected
    assert (y + x).dtype == expected


def test_numbers_of_numpy_count_as_numbers_on_either_side() -> None:
    x = mg.ones(2)
    for number in (np.float64(2), np.float32(2), np.int64(2), np.array(2.0)):
        assert (number * x).dtype == mg.float32
        assert (number - x).tolist() == [1, 1]
    assert (np.float64(0.5) < x).tolist() == [True, True]


def test_outer_and_joining_promote_and_products_of_matrices_do_not() -> None:
    x, y = mg.ones(2, dtype=mg.int32), mg.ones(2)
    assert mg.outer(x, y).dtype == mg.hstack([x, y]).dtype == mg.float32
    assert mg.outer(x, x).dtype == mg.vstack([x, x]).dtype == mg.int32
    for multiply in (mg.dot, lambda x, y: mg.einsum("i,i", x, y), lambda x, y: mg.tensordot(x, y, 1)):
        with pytest.raises(TypeError, match="the dtypes int32, float32 must be equal"):
            multiply(x, y)


def test_division_exponential_and_reductions_of_integers() -> None:
    x = mg.tensor([1, 2], dtype=mg.int32)
    assert (x / x).dtype == (x / 2).dtype == x.exp().dtype == mg.float32
    assert x.sum().dtype == (x > 1).sum().dtype == mg.int64
    assert (x.max().dtype, x.relu().dtype, abs(x).dtype, (x**2).dtype) == (mg.int32,) * 4
    assert (x.argmax().dtype, (x == 1).dtype) == (mg.int64, mg.bool_)
    assert (mg.cat([x, mg.ones(1)]).dtype, mg.stack([x, x.double()]).dtype) == (mg.float32, mg.float64)
    assert (mg.tensor([True, False]) ** False).tolist() == [True, True]


@pytest.mark.peer
@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize(("shape_x", "shape_y"), [((2,), (2,)), ((2,), ()), ((), (2,)), ((), ())])
def test_peer_promotes_alike(name: str, shape_x: Any, shape_y: Any) -> None:
    torch = pytest.importorskip("torch")
    for dx, dy in product(dtypes.ALL, dtypes.ALL):
        ours = kind_of_result(name, mg.ones(shape_x, dtype=dx), mg.ones(shape_y, dtype=dy))
        try:
            x = torch.ones(shape_x, dtype=getattr(torch, dx.name))
            y = torch.ones(shape_y, dtype=getattr(torch, dy.name))
            theirs = str(getattr(torch, name)(x, y).dtype).removeprefix("torch.")
        except RuntimeError:
            continue  # PyTorch refuses it; what minigrad does then is its own affair
        assert ours == theirs or (name == "sub" and "bool" in (dx, dy)), (name, dx, dy)


@pytest.mark.peer
@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("number", [2, 1.5, True])
def test_peer_promotes_numbers_alike(name: str, number: Any) -> None:
    torch = pytest.importorskip("torch")
    for dx in dtypes.ALL:
        ours = kind_of_result(name, mg.ones(2, dtype=dx), number)
        try:
            theirs = getattr(torch, name)(torch.ones(2, dtype=getattr(torch, dx.name)), number).dtype
        except RuntimeError:
            continue
        assert ours == str(theirs).removeprefix("torch."), (name, dx, number)
