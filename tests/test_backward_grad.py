"""mg.grad: derivatives for chosen inputs, of any order, without touching ``.grad``."""

from __future__ import annotations

import gc
import threading
import weakref
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from graphs import Watched, leaf, scalar
from minigrad import nn
from minigrad.modes import observe


@pytest.fixture(autouse=True)
def _no_visits() -> None:
    Watched.visits.clear()


# -- mg.grad --------------------------------------------------------------------------------------------------


def test_grad_touches_no_grad_not_even_a_retained_one() -> None:
    x, w = scalar(2.0), scalar(3.0)
    h = x * w
    h.retain_grad()
    dx, dh = mg.grad(h * h, [x, h])
    assert (dx.item(), dh.item()) == (36, 12)
    assert (x.grad, w.grad, h.grad) == (None, None, None)


def test_grad_of_an_intermediate_is_in_memory_of_its_own() -> None:
    x = leaf(1.0, 2.0)
    h = x * 2
    (dh,) = mg.grad(h.sum(), h)
    assert dh.tolist() == [1, 1]
    dh.array[0] = 5
    assert dh.tolist() == [5, 1]


def test_grad_of_an_output_for_itself_is_its_weight() -> None:
    x = leaf(1.0, 2.0)
    y = x * 2
    seed = mg.tensor([3.0, 4.0], dtype=mg.float64)
    assert mg.grad(y, y, seed)[0].tolist() == [3, 4]
    assert mg.grad(x.sum(), [x, x])[1].tolist() == [1, 1]


def test_grad_adds_over_several_outputs() -> None:
    x = scalar(2.0)
    assert mg.grad([x * 3, x**2], x)[0].item() == 7
    weights = [None, mg.tensor(10.0, dtype=mg.float64)]
    assert mg.grad([x * 3, x**2], x, weights)[0].item() == 43
    with pytest.raises(ValueError, match="got 1 gradients for 2 tensors"):
        mg.grad([x * 3, x**2], x, [None])


def test_grad_of_an_unused_input() -> None:
    x, unused = scalar(2.0), leaf(3.0)
    text = r"grad\(\): the outputs do not depend on input 1, of shape \(1,\); allow_unused=True gives None"
    with pytest.raises(RuntimeError, match=text):
        mg.grad(x * 2, [x, unused])
    dx, none = mg.grad(x * 2, [x, unused], allow_unused=True)
    assert (dx.item(), none) == (2, None)


def test_grad_for_an_input_without_gradient_is_refused() -> None:
    x = scalar(2.0)
    with pytest.raises(RuntimeError, match=r"asked for input 1, a tensor that does not require a gradient"):
        mg.grad(x * 2, [x, mg.tensor(1.0)])


def test_grad_runs_only_the_ops_on_the_route_and_frees_only_those() -> None:
    x, w = scalar(2.0), scalar(3.0)
    left, right = mg.record(Watched(1), x) ** 2, mg.record(Watched(2), w) ** 2
    y = left * right
    assert mg.grad(y, x)[0].item() == 36
    assert Watched.visits == Counter({1: 1})
    assert (left.grad_fn.freed, right.grad_fn.freed) == (True, False)
    right.backward()
    assert w.grad.item() == 6


def test_grad_for_an_intermediate_stops_there() -> None:
    x = scalar(2.0)
    h = mg.record(Watched(), x)
    assert mg.grad(h * h, h)[0].item() == 4
    assert Watched.visits[0] == 0
    h.backward()
    assert x.grad.item() == 1


def test_grad_for_an_intermediate_and_what_lies_behind_it() -> None:
    x = scalar(2.0)
    h = x * x
    dh, dx = mg.grad(h * 3, [h, x])
    assert (dh.item(), dx.item()) == (3, 12)


# -- derivatives of any order ---------------------------------------------------------------------------------


def derivatives(y: mg.Tensor, x: mg.Tensor, count: int) -> list[float]:
    found = []
    for _ in range(count):
        (y,) = mg.grad(y, x, create_graph=True)
        found.append(y.item())
    return found


def test_derivatives_of_a_power() -> None:
    x = scalar(1.5)
    expected = [5 * 1.5**4, 20 * 1.5**3, 60 * 1.5**2, 120 * 1.5, 120, 0]
    assert derivatives(x**5, x, 6) == pytest.approx(expected, rel=1e-14)


def test_derivatives_of_tanh() -> None:
    x = scalar(0.7)
    t = np.tanh(0.7)
    s = 1 - t * t
    expected = [s, -2 * t * s, s * (6 * t * t - 2), s * t * (16 - 24 * t * t)]
    assert derivatives(x.tanh(), x, 4) == pytest.approx(expected, rel=1e-12)


def test_derivatives_of_sigmoid() -> None:
    x = scalar(0.7)
    a = 1 / (1 + np.exp(-0.7))
    s = a * (1 - a)
    expected = [s, s * (1 - 2 * a), s * (1 - 6 * a + 6 * a * a), s * (1 - 2 * a) * (1 - 12 * a + 12 * a * a)]
    assert derivatives(x.sigmoid(), x, 4) == pytest.approx(expected, rel=1e-12)


def test_backward_with_create_graph_can_be_differentiated() -> None:
    x = scalar(3.0)
    (x**3).backward(create_graph=True)
    first, x.grad = x.grad, None
    first.backward()
    assert (first.item(), x.grad.item()) == (27, 18)


def test_walk_without_create_graph_records_nothing() -> None:
    recorded: list[bool] = []
    x = leaf(0.5, 2.0)
    y = (x.tanh() * x).softmax(0).sum()
    with observe(lambda op, inputs, out, seconds: recorded.append(out.requires_grad)):
        y.backward()
    assert recorded
    assert not any(recorded)


def test_gradient_through_dtypes_has_the_dtype_of_the_leaf() -> None:
    x, y = mg.ones(2, requires_grad=True), mg.ones(2, dtype=mg.float64, requires_grad=True)
    (x * y + x.double()).sum().backward()
    assert (x.grad.dtype, y.grad.dtype) == (mg.float32, mg.float64)
    assert x.grad.tolist() == [2, 2]


def test_what_a_rule_records_belongs_to_the_module_of_its_operation() -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    x = mg.ones(1, 2, requires_grad=True)
    (dx,) = mg.grad(model(x).sum(), x, create_graph=True)
    assert dx.grad_fn.scope.module is model[0]
    assert dx.grad_fn.edges[0].scope.module is model[1]
    assert (x * 2).grad_fn.scope is None


def test_two_threads_may_ask_for_different_inputs_of_one_graph_at_once() -> None:
    class Meeting(mg.Op):
        """out = x * y"""

        x = mg.Kept()
        y = mg.Kept()

        def forward(self, kernels: Any, x: Any, y: Any) -> Any:
            return kernels.mul(x, y)

        def backward(self, dout: mg.Tensor) -> tuple[mg.Tensor | None, ...]:
            both_are_here.wait(timeout=10)
            dx = dout * self.y if self.wants("x") else None
            both_are_here.wait(timeout=10)
            return dx, dout * self.x if self.wants("y") else None

    both_are_here = threading.Barrier(2)
    x, y = mg.tensor(3.0, requires_grad=True), mg.tensor(5.0, requires_grad=True)
    out = mg.record(Meeting(), x, y)
    with ThreadPoolExecutor(2) as pool:
        walks = [pool.submit(mg.grad, out, t, retain_graph=True) for t in (x, y)]
        assert [walk.result()[0].item() for walk in walks] == [5, 3]


def test_a_graph_is_freed_by_reference_counting_also_if_a_hook_has_entered_a_mode() -> None:
    gc.collect()
    gc.disable()
    try:
        x = mg.ones(2, requires_grad=True)
        h = x.tanh()
        h.register_hook(mg.enable_grad()(lambda gradient: None))
        y = (h * h).sum()
        node = weakref.ref(y.grad_fn)
        mg.grad(y, x, retain_graph=True)
        del h, y
        assert node() is None
    finally:
        gc.enable()
