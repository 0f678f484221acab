"""mg.checkpoint: the same gradients from less memory, and a clear error where the second run differs."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from graphs import leaf, nodes_of
from minigrad import nn
from minigrad.checkpoint import checkpoint


class Block(nn.Module):
    """Two layers, which count how often they run."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(4, 16), nn.Linear(16, 4)
        self.runs = 0

    def forward(self, x: mg.Tensor, scale: float = 1.0) -> mg.Tensor:
        self.runs += 1
        return self.second(self.first(x).tanh().sigmoid()).tanh() * scale


def gradients(block: Block, x: mg.Tensor, run: Callable[..., mg.Tensor]) -> list[Any]:
    found = mg.grad(run(block, x).sum(), [x, *block.parameters()])
    return [g.tolist() for g in found]


def plainly(function: Callable[..., mg.Tensor], *args: Any, **kwargs: Any) -> mg.Tensor:
    return function(*args, **kwargs)


@pytest.fixture
def block() -> Block:
    return Block()


@pytest.fixture
def x() -> mg.Tensor:
    return mg.randn(3, 4, requires_grad=True)


@pytest.fixture
def no_collector(block: Block, x: mg.Tensor) -> Iterator[None]:
    """Reference counting alone."""
    gradients(block, x, checkpoint)  # compiling a kernel leaves cycles behind: do it before
    gc.collect()
    gc.disable()
    yield
    gc.enable()


# -- the same results -----------------------------------------------------------------------------------------


def test_gradients_are_those_without_it_and_the_part_runs_twice(block: Block, x: mg.Tensor) -> None:
    expected = gradients(block, x, plainly)
    block.runs = 0
    assert gradients(block, x, checkpoint) == expected
    assert block.runs == 2


def test_backward_adds_to_every_leaf(block: Block, x: mg.Tensor) -> None:
    expected = gradients(block, x, plainly)
    checkpoint(block, x).sum().backward()
    assert [t.grad.tolist() for t in (x, *block.parameters())] == expected


def test_arguments_by_position_and_by_name_in_any_form() -> None:
    def f(x: mg.Tensor, factors: list[Any], *, shift: mg.Tensor, power: int) -> tuple[mg.Tensor, ...]:
        return (x * factors[0] + shift).exp() ** power, x * factors[1]

    x, y, shift = leaf(0.5, 1.0), leaf(2.0, 3.0), leaf(0.1)
    arguments: Any = {"shift": shift, "power": 2}
    expected = mg.grad([t.sum() for t in f(x, [y, 3.0], **arguments)], [x, y, shift])
    found = mg.grad([t.sum() for t in checkpoint(f, x, [y, 3.0], **arguments)], [x, y, shift])
    assert [g.tolist() for g in found] == [g.tolist() for g in expected]


def test_inputs_that_want_no_gradient_and_parameters_alone(block: Block) -> None:
    x = mg.randn(3, 4)
    parameters = list(block.parameters())
    expected = mg.grad(block(x).sum(), parameters)
    found = mg.grad(checkpoint(block, x).sum(), parameters)
    assert [g.tolist() for g in found] == [g.tolist() for g in expected]


def test_random_numbers_are_the_same_in_the_second_run_and_go_on_after_it() -> None:
    def noisy(x: mg.Tensor) -> mg.Tensor:
        return (x * (mg.rand(5) < 0.5)).exp() * x

    x = mg.randn(5, requires_grad=True)
    results = []
    for run in (plainly, checkpoint):
        mg.manual_seed(3)
        y = run(noisy, x)
        between = mg.rand(2).tolist()
        (dx,) = mg.grad(y.sum(), x)
        results.append((y.tolist(), between, dx.tolist(), mg.rand(2).tolist()))
    assert results[0] == results[1]


def test_modes_are_the_same_in_the_second_run() -> None:
    x = mg.randn(5, requires_grad=True)
    with mg.lean_mode(), mg.use_kernels("reference"):
        y = checkpoint(lambda x: x.relu().sigmoid(), x)
        expected = mg.grad(x.relu().sigmoid().sum(), x)[0]
    assert mg.grad(y.sum(), x)[0].tolist() == expected.tolist()


def test_nothing_is_stored_where_nothing_is_recorded(block: Block, x: mg.Tensor) -> None:
    with mg.no_grad():
        assert checkpoint(block, x).tolist() == block(x).tolist()
    assert checkpoint(mg.exp, mg.ones(2)).grad_fn is None


def test_layers_checkpointed_one_by_one_and_inside_each_other(block: Block, x: mg.Tensor) -> None:
    def outer(block: Block, x: mg.Tensor) -> mg.Tensor:
        return checkpoint(block, checkpoint(block, x) * 2, scale=0.5)

    expected = gradients(block, x, lambda block, x: block(block(x) * 2, scale=0.5))
    assert gradients(block, x, outer) == expected
    block.runs = 0
    assert gradients(block, x, lambda block, x: checkpoint(outer, block, x)) == expected
    assert block.runs == 6  # forward, again for the outer part, and again for each inner one


def test_walking_twice_with_retain_graph_runs_the_part_once_more_only_once(block: Block, x: mg.Tensor) -> None:
    y = checkpoint(block, x).sum()
    first = mg.grad(y, x, retain_graph=True)[0].tolist()
    assert mg.grad(y, x)[0].tolist() == first
    assert block.runs == 2
    with pytest.raises(RuntimeError, match="was walked before and what it kept is freed"):
        mg.grad(y, x)


def test_higher_derivatives(block: Block) -> None:
    x = leaf(0.3, 0.7)

    def f(x: mg.Tensor) -> mg.Tensor:
        return (x.tanh() * x.sum()).exp()

    assert mg.gradcheck(lambda x: checkpoint(f, x), x)
    assert mg.gradgradcheck(lambda x: checkpoint(f, x), x)


def test_a_gradient_taken_inside_the_part() -> None:
    x = leaf(0.3, 0.7)

    def penalty(x: mg.Tensor) -> mg.Tensor:
        (slope,) = mg.grad((x**3).sum(), x, create_graph=True)
        return (slope**2).sum()

    (expected,) = mg.grad(penalty(x), x)
    (found,) = mg.grad(checkpoint(lambda x: penalty(x * 1), x), x)
    np.testing.assert_allclose(found.array, expected.array, rtol=1e-15)


def test_a_trace_counts_nothing_that_a_checkpoint_does_not_keep(block: Block, x: mg.Tensor) -> None:
    assert mg.trace(lambda x: checkpoint(block, x), x).kept_bytes == 0


# -- memory ---------------------------------------------------------------------------------------------------


def kept_bytes(t: mg.Tensor, *not_counted: mg.Tensor) -> int:
    """The bytes of the arrays that the graph holds, apart from those of some tensors."""
    known = {id(each.array) for each in not_counted}
    arrays = {id(a): a for node in nodes_of(t) for a in node.arrays or () if isinstance(a, np.ndarray)}
    return sum(a.nbytes for key, a in arrays.items() if key not in known)


def test_the_graph_keeps_nothing_of_the_part(block: Block, x: mg.Tensor) -> None:
    given = x, *block.parameters()
    assert kept_bytes(block(x).sum(), *given) == (3 * 16 * 3 + 3 * 4 * 2 + 1) * 4  # z a a, z a, and the scale
    assert kept_bytes(checkpoint(block, x).sum(), *given) == 0


@pytest.mark.usefixtures("no_collector")
def test_of_a_chain_only_the_arguments_of_the_parts_live_on() -> None:
    born: list[weakref.ref[Any]] = []

    def part(x: mg.Tensor) -> mg.Tensor:
        for _ in range(10):
            x = x.sigmoid()
            born.append(weakref.ref(x.array))
        return x

    x = mg.randn(100, requires_grad=True)
    y = x
    for _ in range(5):
        y = checkpoint(part, y)
    assert sum(ref() is not None for ref in born) == 5  # each the argument of the next part, and the result
    y.sum().backward()
    del y
    assert len(born) == 100
    assert [ref() for ref in born] == [None] * 100


@pytest.mark.usefixtures("no_collector")
def test_inside_another_checkpoint_an_argument_is_not_kept_either() -> None:
    held: list[weakref.ref[Any]] = []

    def outer(x: mg.Tensor) -> mg.Tensor:
        h = x.exp()
        held.append(weakref.ref(h.array))
        return checkpoint(mg.sigmoid, h) * 2

    y = checkpoint(outer, mg.randn(5, requires_grad=True))
    assert held[0]() is None
    y.sum().backward()


@pytest.mark.usefixtures("no_collector")
def test_what_was_computed_again_is_freed_with_the_walk(block: Block, x: mg.Tensor) -> None:
    y = checkpoint(block, x)
    nodes = nodes_of(y)
    held = [weakref.ref(packed.stored.part) for node in nodes for packed in node.arrays if packed is not None]
    y.sum().backward()
    assert held
    assert {ref() for ref in held} == {None}
    assert all(node.freed for node in nodes)


# -- refusals -------------------------------------------------------------------------------------------------


def fickle(*functions: Callable[[mg.Tensor], mg.Tensor]) -> Callable[[mg.Tensor], mg.Tensor]:
    """A function that is another one whenever it is called."""
    remaining = list(functions)

    def function(x: mg.Tensor) -> mg.Tensor:
        return remaining.pop(0)(x)

    return function


@pytest.mark.parametrize(
    ("second", "text"),
    [
        (lambda x: x.exp().exp(), r"the first run kept 1 values, the second 2: fickle.<locals>.function must"),
        (lambda x: x * 1.5, "the first run kept 1 values, the second 2"),
        (lambda x: x[:1].exp(), r"value 0 was float64 of shape \(2,\) in the first run, float64 of shape \(1,\)"),
        (lambda x: x.float().exp(), r"value 0 was float64 of shape \(2,\) in the first run, float32 of shape"),
    ],
)
def test_a_second_run_that_keeps_other_values_is_refused(second: Callable[..., Any], text: str) -> None:
    x = leaf(0.5, 1.0)
    y = checkpoint(fickle(mg.exp, second), x)
    with pytest.raises(RuntimeError, match=text):
        y.sum().backward()
    assert x.grad is None


def test_an_argument_that_was_changed_in_place_is_refused() -> None:
    x, c = leaf(0.5, 1.0), mg.ones(2, dtype=mg.float64)
    y = checkpoint(lambda x, c: (x + c).exp(), x, c)
    c.array[0] = 7
    c.touch()
    text = r"checkpoint\(\): argument 1, float64 of shape \(2,\), has been changed in place since the function ran"
    with pytest.raises(RuntimeError, match=text):
        y.sum().backward()


def test_a_parameter_that_was_changed_in_place_is_refused(block: Block, x: mg.Tensor) -> None:
    y = checkpoint(block, x).sum()
    optimizer = mg.optim.SGD(block.parameters(), lr=0.1)
    block(x).sum().backward()
    optimizer.step()
    with pytest.raises(RuntimeError, match=r"a value that it kept, float32 of shape \(4, 16\), has been changed"):
        y.backward()


def test_what_cannot_be_called_is_refused() -> None:
    with pytest.raises(ValueError, match="use_reentrant=False only"):
        mg.checkpoint(lambda x: x, mg.ones(2), use_reentrant=True)
    with pytest.raises(TypeError, match=r"checkpoint\(\) expects a function, got Tensor"):
        checkpoint(mg.ones(1), mg.ones(1))


def test_an_error_in_the_second_run_arrives_and_leaves_modes_and_random_numbers_as_they_were() -> None:
    def fails(x: mg.Tensor) -> mg.Tensor:
        raise ZeroDivisionError("the second run")

    x = leaf(0.5)
    y = checkpoint(fickle(mg.exp, fails), x)
    mg.manual_seed(1)
    with pytest.raises(ZeroDivisionError, match="the second run"):
        y.sum().backward()
    after = mg.rand(2).tolist()
    mg.manual_seed(1)
    assert mg.rand(2).tolist() == after
