"""Random programs: fan-out, views, changes in place, no_grad, detach, against the same program in plain NumPy.

NumPy's arrays alias and change in place by themselves, so replaying the statements on them is the meaning of a
program; replaying them on complex arrays gives its derivatives (the complex step), without any graph.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

import minigrad as mg
from graphs import nodes_of
from minigrad.ops.in_place import base_of

Array = np.ndarray[Any, Any]

STEP = 1e-40
LARGEST = 1e2  # products of larger numbers are left out, so that nothing overflows


class World(list[Array]):
    """The value of each variable, as far as a program has run, and the values that it started from."""

    def __init__(self, leaves: list[Array]) -> None:
        super().__init__()
        self.leaves = leaves


Statement = Callable[[World], None]


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def softmax(x: Any) -> Any:
    e = np.exp(np.tanh(x).reshape(-1))
    return e / e.sum()


#: minigrad's function, and the same in NumPy
UNARY: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "tanh": (lambda x: x.tanh(), np.tanh),
    "sigmoid": (lambda x: x.sigmoid(), sigmoid),
    "relu": (lambda x: x.relu(), lambda x: np.where(np.real(x) > 0, x, 0)),
    "square": (lambda x: x.tanh() ** 2, lambda x: np.tanh(x) ** 2),
    "affine": (lambda x: 1.5 - x * 0.5, lambda x: 1.5 - x * 0.5),
    "exp": (lambda x: x.tanh().exp(), lambda x: np.exp(np.tanh(x))),
    "quotient": (lambda x: x / (x * x + 1), lambda x: x / (x * x + 1)),
    "sum": (lambda x: x.sum(), np.sum),
    "mean": (lambda x: x.mean(-1), lambda x: np.mean(x, -1) if x.ndim else x),
    "flat copy": (lambda x: x.clone().reshape(-1), lambda x: np.array(x).reshape(-1)),
    "repeated": (lambda x: x.clone().reshape(-1)[[0, -1, 0]], lambda x: np.array(x).reshape(-1)[[0, -1, 0]]),
    "softmax": (lambda x: x.tanh().reshape(-1).softmax(0), softmax),
}
BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
}
VIEWS: dict[str, Callable[[Any], Any]] = {
    "last": lambda x: x[..., -1:] if x.ndim else x,
    "first": lambda x: x[0, ...] if x.ndim else x,
    "every other": lambda x: x[..., ::2] if x.ndim else x,
    "turned": lambda x: x.T,
    "new dim": lambda x: x[None],
    "whole": lambda x: x[...],
    "flat": lambda x: x.reshape(-1),  # a copy, where the memory does not allow a view
}
CHANGES: dict[str, tuple[Callable[[Any, Any], Any], Callable[[Any, Any], Any]]] = {
    "add_": (lambda x, y: x.add_(y), lambda x, y: np.add(x, y, out=x)),
    "mul_": (lambda x, y: x.mul_(y), lambda x, y: np.multiply(x, y, out=x)),
    "copy_": (lambda x, y: x.copy_(y), lambda x, y: np.copyto(x, y)),
    "zero_": (lambda x, y: x.zero_(), lambda x, y: np.copyto(x, 0)),
    "x[...] =": (lambda x, y: x.__setitem__(..., y), lambda x, y: np.copyto(x, y)),
    "x[..., -1] =": (
        lambda x, y: x.__setitem__((..., slice(-1, None)) if x.ndim else ..., y.mean()),
        lambda x, y: x.__setitem__((..., slice(-1, None)) if x.ndim else ..., y.mean()),
    ),
}


def fits(x: tuple[int, ...], y: tuple[int, ...]) -> bool:
    """Whether ``y`` broadcasts to ``x``."""
    return len(y) <= len(x) and all(n in (1, m) for n, m in zip(reversed(y), reversed(x), strict=False))


class Programs(RuleBasedStateMachine):
    """A program in the making, run by minigrad as it grows, and by NumPy beside it."""

    variables = Bundle("variables")

    @initialize(target=variables, seed=st.integers(0, 99))
    def start(self, seed: int) -> Any:
        """Two leaves, a constant, and twice something that may be changed."""
        random = np.random.default_rng(seed)
        self.leaves = [random.uniform(-1.5, 1.5, shape) for shape in [(2, 2), (2,), (2, 1)]]
        self.world = World([leaf.astype(complex) for leaf in self.leaves])
        self.tensors: list[mg.Tensor] = []
        self.statements: list[Statement] = []
        self.names: list[str] = []
        for k, leaf in enumerate(self.leaves):
            t = mg.tensor(leaf).requires_grad_(k < 2)
            self.new("start", t, lambda world, k=k: world.append(world.leaves[k].copy()))  # type: ignore[misc]
        return multiple(0, 1, 2, self.unary(0, "tanh"), self.unary(1, "affine"))

    def new(self, name: str, t: mg.Tensor, statement: Statement) -> int:
        """A new variable; the statement appends its value to a world."""
        self.tensors.append(t)
        self.run(name, statement)
        return len(self.tensors) - 1

    def run(self, name: str, statement: Statement) -> None:
        self.names.append(name)
        self.statements.append(statement)
        statement(self.world)

    # -- statements -------------------------------------------------------------------------------------------

    @rule(target=variables, i=variables, name=st.sampled_from(sorted(UNARY)))
    def unary(self, i: int, name: str) -> int:
        ours, numpys = UNARY[name]
        return self.new(name, ours(self.tensors[i]), lambda world: world.append(np.array(numpys(world[i]))))

    @rule(target=variables, i=variables, j=variables, name=st.sampled_from(sorted(BINARY)))
    def binary(self, i: int, j: int, name: str) -> int:
        """The mean of the second operand, where it does not broadcast to the first."""
        x, y, f = self.tensors[i], self.tensors[j], BINARY[name]
        if self.is_too_large(i, j):
            return i
        if fits(x.shape, y.shape):
            return self.new(name, f(x, y), lambda world: world.append(np.array(f(world[i], world[j]))))
        return self.new(name, f(x, y.mean()), lambda world: world.append(np.array(f(world[i], world[j].mean()))))

    @rule(target=variables, i=variables, j=variables)
    def joined(self, i: int, j: int) -> int:
        def cat(world: World) -> None:
            world.append(np.concatenate([world[i].reshape(-1), world[j].reshape(-1)]))

        parts = [self.tensors[n].clone().reshape(-1) for n in (i, j)]
        return self.new("cat", mg.cat(parts), cat) if len(parts[0]) + len(parts[1]) < 20 else i

    @rule(target=variables, i=variables, name=st.sampled_from(sorted(VIEWS)))
    def view(self, i: int, name: str) -> int:
        if self.tensors[i].ndim > 2:
            return i
        return self.new(name, VIEWS[name](self.tensors[i]), lambda world: world.append(VIEWS[name](world[i])))

    @rule(target=variables, i=variables)
    def repeated_view(self, i: int) -> int:
        t = self.tensors[i]
        if t.ndim > 1:
            return i
        shape = (2, *t.shape)
        return self.new("expand", t.expand(shape), lambda world: world.append(np.broadcast_to(world[i], shape)))

    @rule(target=variables, i=variables)
    def detached(self, i: int) -> int:
        return self.new("detach", self.tensors[i].detach(), lambda world: world.append(world[i].real))

    @rule(target=variables, i=variables, name=st.sampled_from(sorted(UNARY)))
    def unrecorded(self, i: int, name: str) -> int:
        ours, numpys = UNARY[name]
        with mg.no_grad():
            t = ours(self.tensors[i])
        return self.new(f"no_grad {name}", t, lambda world: world.append(np.array(numpys(world[i].real))))

    @rule(i=variables, j=variables, name=st.sampled_from(sorted(CHANGES)))
    def change(self, i: int, j: int, name: str) -> None:
        self.changed(i, j, name)

    @rule(i=variables, j=variables, name=st.sampled_from(sorted(CHANGES)))
    def change_again(self, i: int, j: int, name: str) -> None:  # so that it happens more often
        self.changed(i, j, name)

    def changed(self, i: int, j: int, name: str) -> None:
        ours, numpys = CHANGES[name]
        x, y = self.tensors[i], self.tensors[j]
        if self.is_too_large(i, j):
            return
        is_cut, is_mean = self.world[i].dtype == float, not fits(x.shape, y.shape)

        def change(world: World) -> None:
            value = world[j].real if is_cut else world[j]
            numpys(world[i], value.mean() if is_mean else value)

        y = y.detach() if is_cut else y
        y = y.mean() if is_mean else y
        base = base_of(x)
        if not x.array.flags.writeable or (base.is_leaf and base.requires_grad):
            with pytest.raises(RuntimeError, match=r"use a clone|cannot be changed while operations are recorded"):
                ours(x, y)
        else:
            ours(x, y)
            self.run(name, change)

    def is_too_large(self, *variables: int) -> bool:
        return max(float(np.abs(self.world[i].real).max()) for i in variables) > LARGEST

    # -- what must hold ---------------------------------------------------------------------------------------

    @invariant()
    def every_variable_has_the_value_that_numpy_gives_it(self) -> None:
        for t, array in zip(self.tensors, self.world, strict=True):
            np.testing.assert_allclose(t.array, array.real, rtol=1e-10, atol=1e-12)

    @rule(i=variables, seed=st.none() | st.integers(0, 9))
    def its_derivatives_are_those_of_numpys_values(self, i: int, seed: int | None) -> None:
        # differences of gradients do not go together with kinks, nor with values cut off, which would move as well
        apart = any(name in ("relu", "detach") or name.startswith("no_grad") for name in self.names)
        self.compare(i, None if apart else seed)

    def compare(self, i: int, seed: int | None) -> None:
        y, leaves = self.tensors[i], self.tensors[:2]
        expected = self.gradients(i, self.leaves)
        if not y.requires_grad:
            assert not any(g.any() for g in expected)
            return
        try:
            weights = mg.tensor(weights_like(y.array))
            found = mg.grad(y, leaves, weights, True, create_graph=seed is not None, allow_unused=True)
            for g, want in zip(found, expected, strict=True):
                np.testing.assert_allclose(0 if g is None else g.detach().array, want, rtol=1e-9, atol=1e-10)
            if seed is not None:
                self.compare_second(i, [g for g in found if g is not None and g.requires_grad], seed)
        except RuntimeError as error:  # then a kept value must have been changed
            assert "has been changed in place since" in str(error)
            event("refused")
            assert any(version.value != seen for node in nodes_of(y) for version, seen in node.versions)

    def compare_second(self, i: int, gradients: list[mg.Tensor], seed: int) -> None:
        """The derivative of half the square of the gradient, along a direction."""
        random = np.random.default_rng(seed)
        directions = [random.uniform(-1, 1, leaf.shape) for leaf in self.leaves[:2]]
        here = self.gradients(i, self.leaves)
        eps = 1e-5
        above, below = (
            self.gradients(
                i, [a + s * eps * d for a, d in zip(self.leaves, directions, strict=False)] + self.leaves[2:]
            )
            for s in (1, -1)
        )
        numeric = [(up - down) / (2 * eps) for up, down in zip(above, below, strict=True)]
        expected = sum(float((g * slope).sum()) for g, slope in zip(here, numeric, strict=True))
        if not gradients:
            assert expected == pytest.approx(0, abs=1e-6)
            return
        half = sum((g * g).sum() for g in gradients) * 0.5
        found = mg.grad(half, self.tensors[:2], retain_graph=True, allow_unused=True)
        along = sum(float((g.array * d).sum()) for g, d in zip(found, directions, strict=True) if g is not None)
        scale = sum(float(np.abs(g).max()) for g in (*here, *numeric)) ** 2
        assert along == pytest.approx(expected, rel=1e-5, abs=1e-6 * (1 + scale))

    def gradients(self, i: int, leaves: list[Array]) -> list[Array]:
        """The derivatives of the weighted sum of a variable, from a run on complex arrays for each element."""
        found = []
        for k in (0, 1):
            slopes = np.zeros(leaves[k].shape)
            for place in np.ndindex(slopes.shape):
                world = World([leaf.astype(complex) for leaf in leaves])
                world.leaves[k][place] += 1j * STEP
                for statement in self.statements:
                    statement(world)
                slopes[place] = np.sum(world[i].imag * weights_like(world[i])) / STEP
            found.append(slopes)
        return found


def weights_like(array: Array) -> Array:
    return np.linspace(0.5, 1.5, array.size).reshape(array.shape)


@pytest.mark.once
def test_random_programs_have_numpys_values_and_derivatives_or_are_refused_for_a_changed_value() -> None:
    with mg.use_kernels("reference"):
        run_state_machine_as_test(
            Programs,
            settings=settings(
                max_examples=300,
                stateful_step_count=30,
                deadline=None,
                derandomize=True,
                suppress_health_check=list(HealthCheck),
            ),
        )
