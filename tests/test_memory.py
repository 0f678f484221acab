"""Memory: training keeps none from step to step, and a graph keeps what its operations declare, to the byte."""

from __future__ import annotations

import gc
import tracemalloc
import weakref
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from graphs import nodes_of
from minigrad import nn
from minigrad.checkpoint import checkpoint
from minigrad.graph import Op
from minigrad.modes import observe
from ops_table import DIFFERENTIABLE, Row, tensors

Array = np.ndarray[Any, Any]

# -- from step to step ----------------------------------------------------------------------------------------


def plain(model: nn.Module, x: mg.Tensor, y: mg.Tensor) -> mg.Tensor:
    return nn.functional.cross_entropy(model(x), y)


def checkpointed(model: nn.Module, x: mg.Tensor, y: mg.Tensor) -> mg.Tensor:
    return nn.functional.cross_entropy(checkpoint(model, x), y)


def with_gradient_penalty(model: nn.Module, x: mg.Tensor, y: mg.Tensor) -> mg.Tensor:
    x.requires_grad_()
    loss = plain(model, x, y)
    (dx,) = mg.grad(loss, x, create_graph=True)
    return loss + (dx * dx).sum()


def with_changes_in_place_and_hooks(model: nn.Module, x: mg.Tensor, y: mg.Tensor) -> mg.Tensor:
    z = model(x)
    z[0] *= 2
    z.register_hook(lambda gradient: gradient * 0.5)
    z.retain_grad()
    return nn.functional.cross_entropy(z.mul_(2), y)


@pytest.mark.compiled  # a thousand times what other tests do once
@pytest.mark.parametrize("loss_of", [plain, checkpointed, with_gradient_penalty, with_changes_in_place_and_hooks])
def test_a_thousand_training_steps_keep_nothing_without_the_garbage_collector(
    loss_of: Callable[..., mg.Tensor],
) -> None:
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
    optimizer = mg.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)

    def train(steps: int) -> None:
        for _ in range(steps):
            optimizer.zero_grad()
            loss_of(model, mg.randn(5, 8), mg.randint(4, size=(5,))).backward()
            optimizer.step()

    gc.disable()
    tracemalloc.start()
    try:
        train(200)  # fills caches, and compiles
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        train(1000)
        in_cycles = gc.collect()  # which also empties Python's own stores of freed tuples and floats
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
        gc.enable()
    assert in_cycles == 0
    assert grown < 16_000  # a step allocates 10,000 bytes and more; one float kept from each would be 24,000


# -- of a graph -----------------------------------------------------------------------------------------------


def runs(row: Row) -> Iterator[tuple[mg.Tensor, list[mg.Tensor], list[tuple[Op, list[Array], Array]]]]:
    """For each sample the result, the inputs, and the operations that ran with their inputs and output."""
    for sample in row.samples:
        ran: list[tuple[Op, list[Array], Array]] = []
        inputs = tensors(sample)
        with observe(lambda op, given, out, _, ran=ran: ran.append((op, [t.array for t in given], out.array))):  # type: ignore[misc]
            y = row.function(mg, *inputs)
        yield y, inputs, ran


@pytest.mark.once
@pytest.mark.parametrize("lean", [False, True], ids=["ordinary", "lean"])
@pytest.mark.parametrize("row", DIFFERENTIABLE, ids=str)
def test_a_graph_keeps_exactly_what_its_operations_declare(row: Row, lean: bool) -> None:
    with mg.lean_mode() if lean else nullcontext(), mg.use_kernels("reference"):
        for y, _, ran in runs(row):
            nodes = set(nodes_of(y)) if y.grad_fn else set()
            for op, given, out in ran:
                if op not in nodes:
                    continue
                declared = [kept for kept in op.keeps if not (lean and kept.seen_only)]
                expected = [out if kept.source is None else given[kept.source] for kept in declared]
                found = [array for array in op.arrays or () if array is not None]
                assert sum(a.nbytes for a in found) == sum(a.nbytes for a in expected)
                assert all(a is b for a, b in zip(found, expected, strict=True))
                assert not [name for name, value in vars(op).items() if is_hidden(name, value)]


def is_hidden(name: str, value: Any) -> bool:
    """Whether a node holds floats in an attribute, where nobody would count them.

    The weights of an interpolation are no values of the graph but a parameter, as the sizes that they come from.
    """
    is_parameter = name in ("edges", "_weight")
    return not is_parameter and isinstance(value, (np.ndarray, mg.Tensor)) and value.dtype.kind == "f"


@pytest.mark.once
@pytest.mark.parametrize("lean", [False, True], ids=["ordinary", "lean"])
@pytest.mark.parametrize("row", DIFFERENTIABLE, ids=str)
def test_nothing_else_lives_on_than_inputs_result_and_what_is_declared(row: Row, lean: bool) -> None:
    with mg.lean_mode() if lean else nullcontext(), mg.use_kernels("reference"):
        for y, inputs, ran in runs(row):
            nodes = nodes_of(y) if y.grad_fn else []
            held = [*(a for node in nodes for a in (*(node.arrays or ()), *vars(node).values())), y.array]
            allowed = {id(memory_of(a)) for a in (*held, *(t.array for t in inputs)) if isinstance(a, np.ndarray)}
            born = [(weakref.ref(out), id(memory_of(out))) for _, _, out in ran]
            ran.clear()
            assert {memory for array, memory in born if array() is not None} <= allowed


def memory_of(array: Array) -> Any:
    """The array whose memory this one shows, if it is a view."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


@pytest.mark.once
@pytest.mark.parametrize("row", DIFFERENTIABLE, ids=str)
def test_lean_mode_gives_the_same_gradients_to_the_last_bit(row: Row) -> None:
    def gradients(sample: Any) -> list[Array]:
        inputs = tensors(sample)
        return [g.array for g in mg.grad(row.function(mg, *inputs).sum(), inputs) if g is not None]

    with mg.use_kernels("reference"):
        for sample in row.samples:
            ordinary = gradients(sample)
            with mg.lean_mode():
                lean = gradients(sample)
            for a, b in zip(ordinary, lean, strict=True):
                np.testing.assert_array_equal(a, b)
