"""The whole table of operations on the device: values, first and second derivatives, beside the CPU in float64.

Chains are compiled at sight, so that every composition in the table runs as one, and so do its derivatives.

Without a GPU the device is Numba's simulator, in which blocks are a few threads wide, so that the samples' shapes
lie around every edge of a block and of a warp. Each array has memory of its own, beyond which nobody may read.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import pytest

import minigrad as mg
from exact_memory import exact_memory
from minigrad import kernels
from minigrad.kernels.cuda import chain
from ops_table import DIFFERENTIABLE, TABLE, Array, Row, tensors

#: Functions of the contract that have no kernel for CUDA yet. The list may only become shorter.
MISSING: set[str] = set()

every_row = pytest.mark.parametrize("row", TABLE, ids=str)
every_differentiable_row = pytest.mark.parametrize("row", DIFFERENTIABLE, ids=str)


@pytest.fixture(autouse=True)
def at_sight(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Chains without patience, and memory without a cache."""
    monkeypatch.setattr(chain, "PATIENCE", 0)
    with exact_memory():
        yield


@contextmanager
def what_is_missing() -> Iterator[None]:
    """A function without a kernel says so by name; a row that needs it ends there."""
    try:
        yield
    except NotImplementedError as error:
        assert str(error).split()[0] in MISSING


def on_device(inputs: Sequence[mg.Tensor]) -> list[mg.Tensor]:
    """Leaves on the device with the values of others, which want a gradient where those do."""
    return [t.detach().cuda().requires_grad_(t.requires_grad) for t in inputs]


def assert_close(got: mg.Tensor, want: mg.Tensor | Array, ulps: float) -> None:
    """Of the same shape, and to ``ulps`` units of the larger of the number and 1."""
    found, wanted = got.detach().cpu().numpy(), want.detach().numpy() if isinstance(want, mg.Tensor) else want
    assert found.shape == np.shape(wanted)
    eps = np.finfo(found.dtype).eps if found.dtype.kind == "f" else 0
    np.testing.assert_allclose(found, wanted, rtol=ulps * eps, atol=ulps * eps)


def derivatives(row: Row, inputs: Sequence[mg.Tensor]) -> list[mg.Tensor]:
    """The first derivatives of a weighted sum, and those of the sum of their squares."""
    out = row.function(mg, *inputs)
    weights = mg.linspace(0.5, 1.5, max(out.numel(), 1), dtype=out.dtype)[: out.numel()].reshape(out.shape)
    first = mg.grad((out * weights.to(out.device)).sum(), inputs, create_graph=True, allow_unused=True)
    total = sum((d * d).sum() for d in first if d is not None)
    if not isinstance(total, mg.Tensor) or not total.requires_grad:
        return [d for d in first if d is not None]
    second = mg.grad(total, inputs, allow_unused=True)
    return [d for d in (*first, *second) if d is not None]


@pytest.mark.parametrize("dtype", ["float32", pytest.param("float64", marks=pytest.mark.once)])
@every_row
def test_forward_is_that_of_the_cpu(row: Row, dtype: str) -> None:
    for sample in row.samples:
        given = [array.astype(dtype) for array in sample]
        with what_is_missing():
            out = row.function(mg, *on_device(tensors(sample, dtype)))
            assert out.dtype == np.dtype(row.dtype or dtype)
            assert out.device == "cuda:0" or row.name in ("allclose", "equal")  # which are Python's bools
            assert_close(out, row.reference(*[array.astype(np.float64) for array in given]), 64)


@every_differentiable_row
def test_derivatives_are_those_of_the_cpu(row: Row) -> None:
    for sample in row.small_samples():
        inputs = tensors(sample)
        with what_is_missing():
            for got, want in zip(derivatives(row, on_device(inputs)), derivatives(row, inputs), strict=True):
                assert_close(got, want, 256)


def test_every_other_function_of_the_contract_has_a_kernel() -> None:
    reference, cuda = kernels.load("reference"), kernels.load("cuda")
    contract = {
        name
        for name, function in inspect.getmembers(reference, inspect.isfunction)
        if function.__module__.startswith(reference.__name__)
    }
    assert contract - set(vars(cuda)) == MISSING
