"""Every operation against the table: values, derivatives, dtypes, replay, and PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad import kernels, ops
from minigrad.graph import Op
from minigrad.inspect.gradcheck import gradcheck, gradgradcheck
from ops_table import DIFFERENTIABLE, TABLE, Array, Row, Sample, every_target, tensors

every_row = pytest.mark.parametrize("row", TABLE, ids=str)
every_differentiable_row = pytest.mark.parametrize("row", DIFFERENTIABLE, ids=str)


def assert_close(got: Array, want: Array, ulps: float = 16) -> None:
    """Same shape, and values to ``ulps`` units of the larger of the number and 1."""
    assert got.shape == np.shape(want)
    eps = np.finfo(got.dtype).eps if got.dtype.kind == "f" else 0
    np.testing.assert_allclose(got, want, rtol=ulps * eps, atol=ulps * eps)


def test_table_has_every_public_operation() -> None:
    assert set(ops.__all__) <= {row.name for row in TABLE}


def test_every_public_operation_is_exported_and_is_a_method_where_torch_has_one() -> None:
    functions_only = {
        "broadcast_tensors", "cat", "cdist", "celu", "einsum", "elu", "glu", "hardsigmoid", "hardswish",
        "hardtanh", "hstack", "index", "leaky_relu", "linear", "logsigmoid", "meshgrid", "mish", "pad", "relu6",
        "selu", "silu", "softplus", "softsign", "stack", "std_mean", "tensordot", "var_mean", "vstack", "where",
    }  # fmt: skip
    for name in ops.__all__:
        assert getattr(mg, name) is getattr(ops, name)
        assert name in functions_only or getattr(mg.Tensor, name) is getattr(ops, name)


@every_target
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@every_row
def test_forward_is_the_formula(row: Row, dtype: str, target: str) -> None:
    with mg.use_kernels(target):
        for sample in row.samples:
            given = [array.astype(dtype) for array in sample]
            inputs = tensors(sample, dtype)
            out = row.function(mg, *inputs)
            assert type(out.array) is np.ndarray
            assert_close(out.array, row.reference(*[array.astype(np.float64) for array in given]))
            for array, t in zip(given, inputs, strict=True):
                np.testing.assert_array_equal(t.array, array, err_msg="an operation changed its input")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@every_row
def test_result_keeps_the_dtype_of_its_floats(row: Row, dtype: str) -> None:
    for sample in row.samples:
        out = row.function(mg, *tensors(sample, dtype))
        assert out.dtype == np.dtype(row.dtype or dtype)
        assert out.requires_grad == row.differentiable


@every_target
@every_differentiable_row
def test_first_derivative_is_the_difference_quotient(row: Row, target: str) -> None:
    with mg.use_kernels(target):
        for sample in row.small_samples():
            gradcheck(lambda *x: row.function(mg, *x), tensors(sample))


@every_target
@every_differentiable_row
def test_second_derivative_is_the_difference_quotient(row: Row, target: str) -> None:
    with mg.use_kernels(target):
        for sample in row.small_samples():
            gradgradcheck(lambda *x: row.function(mg, *x), tensors(sample))


@every_target
@every_differentiable_row
def test_gradient_has_the_shape_and_dtype_of_its_leaf(row: Row, target: str) -> None:
    with mg.use_kernels(target):
        for sample in row.samples:
            inputs = tensors(sample, np.float32)
            row.function(mg, *inputs).sum().backward()
            for t in inputs:
                assert t.grad is not None
                assert (t.grad.shape, t.grad.dtype) == (t.shape, mg.float32)
                assert t.grad.array.flags.writeable
                assert not t.grad.requires_grad


@every_differentiable_row
def test_one_input_alone_gets_the_same_gradient(row: Row) -> None:
    """Rules skip the work for inputs that want no gradient, and must not mix them up."""
    for sample in row.small_samples():
        inputs = tensors(sample)
        together = mg.grad(row.function(mg, *inputs).sum(), inputs)
        for i, expected in enumerate(together):
            alone = tensors(sample, requires_grad=False)
            alone[i].requires_grad = True
            (found,) = mg.grad(row.function(mg, *alone).sum(), alone[i])
            assert expected is not None
            assert found is not None
            np.testing.assert_array_equal(found.array, expected.array)


def replay(op: Op, target: Any) -> Array:
    """The output of ``op``, computed again from the leaves of its graph."""
    nodes: dict[int, Op] = {}
    stack = [op]
    while stack:
        node = stack.pop()
        nodes[node.order] = node
        stack.extend(edge for edge in node.edges if isinstance(edge, Op))
    arrays: dict[Op, Array] = {}
    for _, node in sorted(nodes.items()):
        inputs = []
        for position, edge in enumerate(node.edges):
            kept = [node.arrays[k.slot] for k in node.keeps if k.source == position]
            if isinstance(edge, Op):
                inputs.append(arrays[edge])
            elif isinstance(edge, mg.Tensor):
                inputs.append(edge.array)
            else:
                inputs.append(kept[0] if kept else np.asarray(edge.value, edge.dtype))
        arrays[node] = np.asarray(node.forward(target, *inputs))
    return arrays[op]


@every_target
@every_differentiable_row
def test_replaying_the_graph_from_its_leaves_gives_the_same_bits(row: Row, target: str) -> None:
    with mg.use_kernels(target):
        for sample in row.samples:
            out = row.function(mg, *tensors(sample))
            if out.is_leaf:  # sum_to_size() with nothing to sum gives its input
                continue
            again = replay(out.grad_fn, kernels.load(target))
            assert again.dtype == out.dtype
            np.testing.assert_array_equal(again, out.array)


# -- PyTorch as the oracle ------------------------------------------------------------------------------------


def peer_call(row: Row, torch: Any, inputs: list[Any]) -> Any:
    if row.name == "linear":
        return torch.nn.functional.linear(*inputs)
    return row.function(torch, *inputs)


def peer_inputs(torch: Any, sample: Sample, dtype: str) -> list[Any]:
    return [torch.from_numpy(array.astype(dtype, order="C")).requires_grad_() for array in sample]


@pytest.mark.peer
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@every_row
def test_peer_gives_the_same_values_gradients_and_dtypes(row: Row, dtype: str) -> None:
    torch = pytest.importorskip("torch")
    if not row.has_peer:
        pytest.skip("PyTorch has no such function")
    for sample in row.samples:
        inputs, theirs = tensors(sample, dtype), peer_inputs(torch, sample, dtype)
        out, their_out = row.function(mg, *inputs), peer_call(row, torch, theirs)
        assert str(out.dtype) == str(their_out.dtype).removeprefix("torch.")
        assert_close(out.array, their_out.detach().numpy(), ulps=64)
        if row.differentiable:
            weights = np.random.default_rng(1).uniform(0.5, 1.5, out.shape).astype(out.dtype)
            out.backward(mg.tensor(weights))
            their_out.backward(torch.tensor(weights))
            for t, their in zip(inputs, theirs, strict=True):
                assert t.grad is not None
                assert_close(t.grad.array, their.grad.numpy(), ulps=64)
