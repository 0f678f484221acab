"""Every kernel is given the types that it was compiled for: nobody looks at them when it is called."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import pytest

import minigrad as mg
from minigrad import nn
from minigrad.kernels.cpu import threads
from minigrad.kernels.cpu.threads import Kernel
from ops_table import TABLE, Row, tensors

pytestmark = pytest.mark.compiled


@pytest.fixture(autouse=True)
def numba_looks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let calls go through Numba's dispatcher, which refuses what does not fit."""
    monkeypatch.setattr(threads, "straight", lambda kernel: kernel)
    kernels = [each for each in gc.get_objects() if type(each) is Kernel]
    direct = [kernel.piece for kernel in kernels]
    for kernel in kernels:
        kernel.piece = kernel.compiled
    yield
    for kernel, piece in zip(kernels, direct, strict=True):
        kernel.piece = piece


def test_what_does_not_fit_is_refused_here() -> None:
    kernel = Kernel("types", lambda x, part, parts: None, (threads.types.float64,))
    with pytest.raises(TypeError, match="No matching definition"):
        kernel.piece("x", 0, 1)


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
