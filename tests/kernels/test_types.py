"""Every kernel is given the types that it was compiled for: nobody looks at them when it is called."""

from __future__ import annotations

import gc
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.kernels.cpu import threads
from minigrad.kernels.cpu.compile import straight
from minigrad.kernels.cpu.memory import reads, writes
from minigrad.kernels.cpu.threads import Kernel
from ops_table import TABLE, Row, tensors

pytestmark = pytest.mark.compiled


def looking(compiled: Callable[..., None]) -> Callable[..., None]:
    """A kernel called by Numba's dispatcher. What is strided is still refused in the way that callers expect."""

    def piece(*args: Any) -> None:
        try:
            compiled(*args)
        except TypeError:
            if all(x.flags.c_contiguous for x in args if isinstance(x, np.ndarray)):
                raise
            raise BufferError from None

    return piece


@pytest.fixture(autouse=True)
def numba_looks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let calls go through Numba's dispatcher, which refuses what does not fit."""
    monkeypatch.setattr(threads, "straight", looking)
    kernels = [each for each in gc.get_objects() if type(each) is Kernel]
    direct = [kernel.piece for kernel in kernels]
    for kernel in kernels:
        kernel.piece = looking(kernel.compiled)
    yield
    for kernel, piece in zip(kernels, direct, strict=True):
        kernel.piece = piece


def test_what_does_not_fit_is_refused_here() -> None:
    kernel = Kernel("types", lambda x, part, parts: None, (reads(np.dtype(np.float32), 2, "A"),))
    kernel.piece(np.ones((2, 3), np.float32), 0, 1)
    for wrong in ("x", np.ones((2, 3)), np.ones(2, np.float32)):
        with pytest.raises(TypeError, match="No matching definition"):
            kernel.piece(wrong, 0, 1)


def test_what_is_no_array_or_strided_is_refused_by_the_machine_code_too() -> None:
    flat = Kernel("flat", lambda x, part, parts: None, (reads(np.dtype(np.float32)),)).compiled
    matrix = Kernel("matrix", lambda x, part, parts: None, (reads(np.dtype(np.float32), 2, "A"),)).compiled
    result = Kernel("result", lambda x, part, parts: None, (writes(np.dtype(np.float32), 2),)).compiled
    x = np.ones((4, 6), np.float32)
    for kernel, fitting, wrong in (
        (flat, (x, x[0], x[:0], x[0, 0].reshape(()), x[1:]), (x.T, x[:, ::2], np.float32(1), 1.0, None, [1.0])),
        (matrix, (x, x.T, x[::-1, ::2]), (x[0], x[None], np.float32(1), "x")),
        (result, (x, x[1:]), (x[0], x.T, x[:, ::2])),
    ):
        for given in fitting:
            straight(kernel)(np.asarray(given), 0, 1)
        for given in wrong:
            with pytest.raises(BufferError, match="does not fit"):
                straight(kernel)(given, 0, 1)


def test_an_array_of_any_shape_is_its_elements() -> None:
    def add_up(x, out, part, parts):  # type: ignore[no-untyped-def]
        for i in range(x.size):
            out[0] += x[i]

    kernel = Kernel("add_up", add_up, (reads(np.dtype(np.float32)), writes(np.dtype(np.float32)))).compiled
    for shape in ((), (0,), (7,), (2, 3), (2, 0, 3), (2, 3, 1, 4)):
        x, out = np.arange(math.prod(shape), dtype=np.float32).reshape(shape), np.zeros((1, 1), np.float32)
        straight(kernel)(x, out, 0, 1)
        assert out[0, 0] == x.sum()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("row", TABLE, ids=str)
def test_operations(row: Row, dtype: str) -> None:
    for sample in row.samples:
        inputs = tensors(sample, dtype, requires_grad=row.differentiable)
        out = row.function(mg, *inputs)
        if row.differentiable:
            mg.grad(out.sum(), inputs, allow_unused=True)


@pytest.mark.parametrize("options", [
    {"cls": "SGD"}, {"cls": "SGD", "momentum": 1, "nesterov": True}, {"cls": "Adam"},
    {"cls": "Adam", "amsgrad": True}, {"cls": "RMSprop", "centered": True, "momentum": 0.5}, {"cls": "Adagrad"},
])  # fmt: skip
@pytest.mark.parametrize("dtype", [mg.float32, mg.float64], ids=str)
def test_optimiser_steps(options: dict[str, Any], dtype: Any) -> None:
    layer = nn.Linear(3, 2, dtype=dtype)
    options = dict(options)
    optimizer = getattr(mg.optim, options.pop("cls"))(layer.parameters(), lr=1, **options)
    for _ in range(2):
        layer(mg.ones(4, 3, dtype=dtype)).sum().backward()
        optimizer.step()
