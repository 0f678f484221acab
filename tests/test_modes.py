"""Grad mode, inference mode, kernels: as context managers, decorators, calls; in threads and tasks."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.modes import current_mode, current_scope


def records() -> bool:
    x = mg.tensor(1.0, requires_grad=True)
    return (x * 2).requires_grad


def test_no_grad_and_enable_grad_nest() -> None:
    with mg.no_grad():
        assert (records(), mg.is_grad_enabled()) == (False, False)
        with mg.enable_grad():
            assert (records(), mg.is_grad_enabled()) == (True, True)
        assert not records()
    assert records()


def test_exception_inside_restores_the_mode() -> None:
    with pytest.raises(ZeroDivisionError), mg.no_grad():
        1 / 0  # noqa: B018
    assert records()


@pytest.mark.parametrize("switch", [mg.no_grad, mg.enable_grad, mg.inference_mode, mg.lean_mode])
def test_one_instance_can_be_entered_again_and_inside_itself(switch: Callable[[], Any]) -> None:
    before, instance = current_mode(), switch()
    for _ in range(2):
        with instance:
            inside = current_mode()
            with instance:
                assert current_mode() == inside
            assert current_mode() == inside
        assert current_mode() == before


def test_set_grad_enabled_acts_at_once_and_in_a_with() -> None:
    mg.set_grad_enabled(False)
    assert not records()
    mg.set_grad_enabled(True)
    assert records()
    with mg.set_grad_enabled(False):
        assert not records()
    assert records()


@pytest.mark.parametrize("flag", [True, False])
def test_set_grad_enabled_instance_can_be_entered_inside_itself(flag: bool) -> None:
    before, setting = current_mode(), mg.set_grad_enabled(flag)
    with setting:
        with setting:
            assert records() == flag
        assert records() == flag
    assert current_mode() == before
    with setting:
        assert records() == flag
    assert current_mode() == before


def test_a_setting_that_is_entered_in_another_mode_changes_nothing_else_of_it() -> None:
    grad, target = mg.set_grad_enabled(False), mg.use_kernels("reference")
    with mg.lean_mode():
        with grad, target:
            assert (current_mode().lean, current_mode().grad, current_mode().target) == (True, False, "reference")
        assert (current_mode().lean, current_mode().grad, current_mode().target) == (True, True, "numba")
    assert not current_mode().lean
    mg.set_grad_enabled(True), mg.use_kernels("numba")  # as it was


def test_what_is_set_inside_a_mode_remains_set_unless_the_mode_is_of_that_kind() -> None:
    with mg.lean_mode(), mg.use_kernels("reference"):
        mg.set_grad_enabled(False)
    assert (current_mode().lean, current_mode().target, records()) == (False, "numba", False)
    mg.set_grad_enabled(True)
    for switch in (mg.no_grad(), mg.enable_grad(), mg.inference_mode(), mg.set_grad_enabled(True)):
        with switch:
            mg.set_grad_enabled(False)
            mg.use_kernels("reference")
        assert (records(), current_mode().target) == (True, "reference")
        mg.use_kernels("numba")


@pytest.mark.peer
@pytest.mark.parametrize("seed", range(200))
def test_modes_within_modes_are_pytorchs(seed: int) -> None:
    torch = pytest.importorskip("torch")

    def flags(m: Any) -> list[bool]:
        """What is recorded on the way through random settings and modes, each within the others."""
        rng, seen, made = random.Random(seed), [], []
        aside = [mg.lean_mode, lambda: mg.use_kernels("reference")] if m is mg else [nullcontext] * 2
        switches = [m.no_grad, m.enable_grad, lambda: m.set_grad_enabled(rng.random() < 0.5), *aside]

        def block(depth: int) -> None:
            for _ in range(rng.randint(1, 4)):
                seen.append(m.is_grad_enabled())
                what = rng.randrange(4)
                if what == 0:
                    m.set_grad_enabled(rng.random() < 0.5)
                elif what == 1:
                    made.append(m.set_grad_enabled(rng.random() < 0.5))
                elif depth < 4:
                    with made.pop() if what == 2 and made else rng.choice(switches)():
                        block(depth + 1)

        with m.enable_grad():
            block(0)
        return seen

    assert flags(mg) == flags(torch)


def test_inference_mode_records_nothing_and_marks_its_tensors() -> None:
    x = mg.tensor(1.0, requires_grad=True)
    with mg.inference_mode():
        y = x * 2
        with mg.enable_grad():
            assert not records()
        assert (mg.is_inference_mode_enabled(), mg.is_grad_enabled()) == (True, False)
        with mg.inference_mode(False):
            assert records()
    with mg.no_grad():
        with mg.inference_mode(False):
            assert records()
        assert not records()
    assert (y.is_inference(), x.is_inference(), y.requires_grad) == (True, False, False)
    assert not mg.is_inference_mode_enabled()


@pytest.mark.parametrize("switch", [mg.no_grad(), mg.inference_mode(), mg.set_grad_enabled(True)])
def test_decorated_function_keeps_its_name_and_leaves_the_mode(switch: Any) -> None:
    @switch
    def f(n: int) -> int:
        """Doc."""
        return n + 1

    before = current_mode()
    assert (f(1), f.__name__, f.__doc__) == (2, "f", "Doc.")
    assert current_mode() == before


def test_decorating_with_set_grad_enabled_changes_nothing_outside() -> None:
    @mg.set_grad_enabled(False)
    def f() -> bool:
        return records()

    assert records()
    assert not f()
    assert records()


def test_recursive_decorated_function() -> None:
    @mg.no_grad()
    def depth(n: int) -> int:
        assert not records()
        return 0 if n == 0 else 1 + depth(n - 1)

    assert depth(20) == 20
    assert records()


def test_decorated_function_that_raises_restores_the_mode() -> None:
    @mg.no_grad()
    def fail() -> None:
        raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert records()


def test_decorated_function_in_threads_at_once() -> None:
    barrier = threading.Barrier(4)

    @mg.no_grad()
    def inner() -> bool:
        barrier.wait(timeout=10)
        return records()

    def thread(enabled: bool) -> tuple[bool, bool]:
        with mg.set_grad_enabled(enabled):
            return inner(), records()

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(thread, [True, False, True, False], timeout=20))
    assert found == [(False, True), (False, False), (False, True), (False, False)]


def test_late_functions_cannot_be_decorated() -> None:
    def generator() -> Iterator[int]:
        yield 1

    async def coroutine() -> None: ...

    async def both() -> AsyncIterator[int]:
        yield 1

    for function in (generator, coroutine, both):
        with pytest.raises(TypeError, match=f"cannot decorate {function.__name__}, which returns before its"):
            mg.no_grad()(function)
    with pytest.raises(TypeError, match="set_grad_enabled"):
        mg.set_grad_enabled(False)(generator)
    assert records()


def test_each_thread_has_its_own_grad_mode() -> None:
    found: list[bool] = []
    with mg.no_grad():
        thread = threading.Thread(target=lambda: found.append(records()))
        thread.start()
        thread.join()
        assert not records()
    assert found == [True]


def test_each_task_has_its_own_grad_mode() -> None:
    async def without(entered: asyncio.Event, leave: asyncio.Event) -> bool:
        with mg.no_grad():
            entered.set()
            await leave.wait()
            return records()

    async def main() -> tuple[bool, bool]:
        entered, leave = asyncio.Event(), asyncio.Event()
        task = asyncio.create_task(without(entered, leave))
        await entered.wait()
        here = records()
        leave.set()
        return here, await task

    assert asyncio.run(main()) == (True, False)


def test_use_kernels_switches_the_target_and_back() -> None:
    before = current_mode().target
    with mg.use_kernels("reference"):
        assert current_mode().target == "reference"
        with mg.use_kernels("numba"):
            assert current_mode().target == "numba"
    assert current_mode().target == before


def test_unknown_kernels_are_refused_and_nothing_changes() -> None:
    before = current_mode()
    with pytest.raises(ValueError, match="there are no kernels 'fast': use one of numba, reference"):
        mg.use_kernels("fast")
    assert current_mode() == before


def test_a_node_belongs_to_the_module_that_runs_and_scopes_end_with_it_also_after_an_error() -> None:
    class Inner(nn.Module):
        def forward(self, x: mg.Tensor) -> mg.Tensor:
            return x.missing if x.item() < 0 else x * 2

    class Outer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = Inner()

        def forward(self, x: mg.Tensor) -> mg.Tensor:
            try:
                self.inner(-x)
            except AttributeError:
                return self.inner(x) + 1
            raise AssertionError

    outer = Outer()
    y = outer(mg.tensor(1.0, requires_grad=True))
    add = y.grad_fn
    assert [scope.module for scope in add.scope.path] == [outer]
    assert [scope.module for scope in add.edges[0].scope.path] == [outer, outer.inner]
    assert current_scope() is None


def test_one_switch_in_two_threads_gives_each_its_own_mode_back() -> None:
    switch = mg.no_grad()
    entered, left = threading.Event(), threading.Event()
    seen = []

    def other() -> None:
        with mg.use_kernels("reference"):
            with switch:
                entered.set()
                left.wait(5)
            seen.append((current_mode().target, mg.is_grad_enabled()))

    thread = threading.Thread(target=other)
    thread.start()
    assert entered.wait(5)
    with switch:
        pass
    assert (current_mode().target, mg.is_grad_enabled()) == ("numba", True)
    left.set()
    thread.join()
    assert seen == [("reference", True)]


def test_a_decorator_without_parentheses_or_on_a_class_is_refused() -> None:
    with pytest.raises(TypeError, match=r"write @mg.no_grad\(\)"):
        mg.no_grad(len)
    with pytest.raises(TypeError, match="decorates functions"):
        mg.no_grad()(dict)


# -- how values are kept --------------------------------------------------------------------------------------


def test_kept_values_go_through_pack_and_come_back_through_unpack() -> None:
    x, w = mg.tensor([1.0, 2.0], requires_grad=True), mg.tensor([3.0, 4.0], requires_grad=True)
    packed: list[mg.Tensor] = []

    def pack(t: mg.Tensor) -> int:
        packed.append(t.clone())
        return len(packed) - 1

    with mg.saved_tensors_hooks(pack, lambda i: packed[i]):
        loss = (x * w).exp().sum()
    assert [t.tolist() for t in packed] == [[1, 2], [3, 4], (x * w).exp().tolist()]
    assert loss.grad_fn.next_functions[0][0].kept == {}
    loss.backward()
    plain_x = mg.tensor([1.0, 2.0], requires_grad=True)
    (plain_x * w.detach()).exp().sum().backward()
    assert x.grad.tolist() == plain_x.grad.tolist()


def test_packed_values_can_be_differentiated_twice() -> None:
    x = mg.tensor(2.0, requires_grad=True)
    with mg.saved_tensors_hooks(lambda t: t.clone(), lambda t: t):
        y = x.exp() * x
    (first,) = mg.grad(y, x, create_graph=True)
    (second,) = mg.grad(first, x)
    assert second.item() == pytest.approx(4 * np.exp(2.0), rel=1e-6)


def test_change_in_place_of_a_packed_value_does_no_harm() -> None:
    x = mg.tensor([1.0], requires_grad=True)
    y = x * 1
    with mg.saved_tensors_hooks(lambda t: t.clone(), lambda t: t):
        z = y * y
    y.mul_(100)
    z.sum().backward()
    assert x.grad.tolist() == [2]


def test_a_value_that_hooks_did_not_copy_must_not_be_changed_in_place() -> None:
    w, b = mg.ones(2, requires_grad=True), mg.ones(2)
    with mg.saved_tensors_hooks(lambda t: t, lambda t: t):
        y = (w * b).sum()
    with mg.saved_tensors_hooks(lambda t: t.clone(), lambda t: t):
        z = (w * b).sum()
    b.mul_(7)
    assert mg.grad(z, w)[0].tolist() == [1, 1]
    with pytest.raises(RuntimeError, match="needs its y of shape"):
        mg.grad(y, w)


def test_unpack_that_gives_something_else_is_refused() -> None:
    x = mg.tensor([1.0, 2.0], requires_grad=True)
    with mg.saved_tensors_hooks(lambda t: None, lambda _: mg.ones(3)):
        y = x.exp()
    with pytest.raises(RuntimeError, match=r"unpack must return the tensor of shape \(2,\) and dtype float32"):
        y.sum().backward()
    assert x.grad is None


def test_saver_must_be_two_functions() -> None:
    with pytest.raises(TypeError, match="saved_tensors_hooks expects two functions, got 3"):
        mg.saved_tensors_hooks(print, 3)
