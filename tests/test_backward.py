"""The walk back: where gradients go, what is freed, what is refused, and how it scales."""

from __future__ import annotations

from collections import Counter
from time import process_time
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from graphs import Watched, leaf, nodes_of, scalar


@pytest.fixture(autouse=True)
def _no_visits() -> None:
    Watched.visits.clear()


# -- shapes of graphs -----------------------------------------------------------------------------------------


def test_fan_out_adds_up() -> None:
    x = scalar(3.0)
    y = x * x + x * 2 + x
    y.backward()
    assert x.grad.item() == 2 * 3 + 2 + 1


def test_diamond_of_depth_60_visits_each_node_once() -> None:
    x = mg.tensor(1.0, requires_grad=True)
    y = x
    for depth in range(60):
        y = mg.record(Watched(depth), y)
        y = y * 0.5 + y * 0.5
    y.backward()
    assert x.grad.item() == 1
    assert Watched.visits == Counter(range(60))


def test_node_waits_for_all_its_consumers_however_late_they_were_recorded() -> None:
    x = scalar(2.0)
    shared = mg.record(Watched(), x)
    far = shared.exp().log().exp().log()
    near = shared * 3
    (far + near).backward()
    assert Watched.visits[0] == 1
    assert x.grad.item() == pytest.approx(4, rel=1e-14)


def chain(length: int) -> float:
    """Seconds a node to record, walk and drop a chain of adds."""
    x = mg.tensor(1.0, requires_grad=True)
    started = process_time()
    y = x
    for _ in range(length):
        y = y + x
    y.backward()
    assert x.grad.item() == length + 1
    del y
    return (process_time() - started) / length


@pytest.mark.compiled
def test_chain_of_a_million_adds_works_at_a_flat_cost_a_node() -> None:
    chain(1_000)
    short = sorted(chain(1_000) for _ in range(9))[4]
    assert chain(1_000_000) < 3 * short


def test_deep_graph_that_was_never_walked_can_be_dropped() -> None:
    y = mg.tensor(1.0, requires_grad=True)
    for _ in range(100_000):
        y = y * y
    del y


# -- where gradients go ---------------------------------------------------------------------------------------


def test_only_leaves_receive_grad() -> None:
    x = scalar(2.0)
    h = x * 3
    (h * h).backward()
    assert (x.grad.item(), h.grad, h.is_leaf) == (36, None, False)


def test_retain_grad_fills_in_others() -> None:
    x = scalar(2.0)
    h = x * 3
    h.retain_grad()
    y = h * h
    y.retain_grad()
    y.backward()
    assert (h.grad.item(), y.grad.item(), x.grad.item()) == (12, 1, 36)
    with pytest.raises(RuntimeError, match=r"retain_grad\(\) needs a tensor that requires a gradient"):
        mg.tensor(1.0).retain_grad()


def test_retained_tensor_that_is_gone_is_no_trouble() -> None:
    x = scalar(2.0)
    h = x * 3
    h.retain_grad()
    y = h * h
    del h
    y.backward()
    assert x.grad.item() == 36


def test_gradients_add_up_over_backward_calls() -> None:
    x = scalar(2.0)
    for _ in range(3):
        (x * x).backward()
    assert x.grad.item() == 12


def test_leaf_as_the_start_of_the_walk() -> None:
    x = scalar(2.0)
    x.backward()
    assert x.grad.item() == 1


def test_backward_from_a_non_scalar_takes_weights() -> None:
    x = leaf(1.0, 2.0, 3.0)
    (x * x).backward(mg.tensor([1.0, 10.0, 0.0], dtype=mg.float64))
    assert x.grad.tolist() == [2, 40, 0]


def test_tensor_of_one_element_needs_no_weight() -> None:
    x = mg.ones(1, 1, requires_grad=True)
    (x * 4).backward()
    assert x.grad.tolist() == [[4]]


def test_gradient_is_not_recorded_without_create_graph_whatever_the_seed() -> None:
    x, seed = leaf(1.0, 2.0), leaf(1.0, 1.0)
    (x * 2).backward(seed)
    assert (x.grad.requires_grad, x.grad.grad_fn) == (False, None)
    y = leaf(1.0, 2.0)
    y.backward(seed)
    assert (y.grad.requires_grad, y.grad.grad_fn) == (False, None)
    assert not mg.grad(y.clone(), y, seed)[0].requires_grad
    assert seed.grad is None


def test_derivative_for_the_seed_with_create_graph() -> None:
    x, seed = leaf(1.0, 2.0), leaf(3.0, 4.0)
    (dx,) = mg.grad(x * x, x, seed, create_graph=True)
    assert mg.grad(dx.sum(), seed)[0].tolist() == [2, 4]


# -- arrays that nobody shares --------------------------------------------------------------------------------


class Passing(mg.Op):
    """y = x^2 / 2, whose derivative is the kept array itself"""

    x = mg.Kept()

    def forward(self, kernels: Any, x: Any) -> Any:
        return kernels.mul(kernels.mul(x, x), np.asarray(0.5, x.dtype))

    def backward(self, dy: mg.Tensor) -> tuple[mg.Tensor]:
        return (self.x.detach(),)


def graphs() -> list[tuple[str, Any]]:
    return [
        ("add", lambda x, y: x + y),
        ("expand", lambda x, y: (x.expand(4, 3) + y.expand(4, 3))[0]),
        ("reshape", lambda x, y: x.reshape(3, 1).reshape(3) + y.view(3)),
        ("transpose", lambda x, y: (x.unsqueeze(0).T + y.unsqueeze(1)).squeeze()),
        ("cat", lambda x, y: mg.cat([x, y])[:3] + mg.cat([y, x])[:3]),
        ("clone", lambda x, y: x.clone() + y.clone()),
        ("sum", lambda x, y: (x.sum() + y.sum()).expand(3)),
        ("kept", lambda x, y: mg.record(Passing(), x + y)),
        ("kept at a leaf", lambda x, y: mg.record(Passing(), x) + mg.record(Passing(), y)),
    ]


@pytest.mark.parametrize(("name", "f"), graphs(), ids=[name for name, _ in graphs()])
def test_gradient_arrays_belong_to_their_leaf_alone(name: str, f: Any) -> None:
    x, y, seed = leaf(1.0, 2.0, 3.0), leaf(4.0, 5.0, 6.0), mg.ones(3, dtype=mg.float64)
    out = f(x, y)
    out.retain_grad()
    out.backward(seed, retain_graph=True)
    kept = [array for node in nodes_of(out) for array in node.arrays]
    mine = [x.grad.array, y.grad.array, out.grad.array]
    for i, array in enumerate(mine):
        others = [seed.array, x.array, y.array, out.array, *kept, *mine[:i]]
        assert not any(np.may_share_memory(array, other) for other in others)
        assert array.flags.writeable
        assert array.flags.c_contiguous


def test_changing_one_gradient_in_place_changes_no_other() -> None:
    x, y = leaf(1.0), leaf(2.0)
    (x + y).backward()
    x.grad.array[0] = 99
    assert y.grad.tolist() == [1]


def test_accumulating_does_not_write_into_the_old_gradient() -> None:
    x = leaf(1.0)
    (x * 2).backward()
    first = x.grad
    (x * 3).backward()
    assert (first.tolist(), x.grad.tolist()) == ([2], [5])


# -- walking twice --------------------------------------------------------------------------------------------


def test_second_backward_names_the_op_and_the_remedy() -> None:
    x = scalar(2.0)
    y = (x * 3).exp()
    y.backward()
    once = x.grad.item()
    text = (
        r"<ExpBackward> was walked before and what it kept is freed: "
        r"call backward\(retain_graph=True\) the first time to walk the same graph twice"
    )
    with pytest.raises(RuntimeError, match=text):
        y.backward()
    assert x.grad.item() == once


def test_second_backward_of_ops_that_keep_nothing_raises_too() -> None:
    x = scalar(2.0)
    y = x + x
    y.backward()
    with pytest.raises(RuntimeError, match="<AddBackward> was walked before"):
        y.backward()


def test_retain_graph_lets_it_be_walked_again_and_gradients_add_up() -> None:
    x = scalar(2.0)
    y = x**3
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.item() == 24
    with pytest.raises(RuntimeError, match="retain_graph=True"):
        y.backward()


def test_error_in_mid_walk_changes_no_gradient_not_even_a_retained_one() -> None:
    x, w = scalar(2.0), scalar(3.0)
    h = x * w
    h.retain_grad()
    y = h.exp() + w
    w.touch()
    with pytest.raises(RuntimeError, match=r"<MulBackward>, .* needs its y"):
        y.backward()
    assert (x.grad, w.grad, h.grad) == (None, None, None)


# -- what is refused ------------------------------------------------------------------------------------------


def test_backward_from_a_non_scalar_without_weights() -> None:
    x = leaf(1.0, 2.0)
    text = (
        r"backward\(\) starts from a scalar, this tensor has shape \(2,\): "
        r"reduce it with .sum\(\) or .mean\(\), or pass gradient= of the same shape"
    )
    with pytest.raises(RuntimeError, match=text):
        (x * 2).backward()
    assert x.grad is None


def test_backward_from_a_tensor_without_gradient() -> None:
    text = r"no gradient can flow from this tensor of shape \(\): it does not require a gradient and nothing"
    x = scalar(1.0)
    with mg.no_grad():
        y = x * 2
    for t in (mg.tensor(1.0), y, x.detach()):
        with pytest.raises(RuntimeError, match=text):
            t.backward()


@pytest.mark.parametrize(
    ("seed", "error", "text"),
    [
        (mg.ones(3, dtype=mg.float64), RuntimeError, r"gradient has shape \(3,\) and dtype float64"),
        (mg.ones(2), RuntimeError, r"dtype float32, its tensor has shape \(2,\) and dtype float64"),
        (1.0, TypeError, "the gradient must be a Tensor, got float"),
    ],
)
def test_unfit_gradient_is_refused(seed: Any, error: type[Exception], text: str) -> None:
    x = leaf(1.0, 2.0)
    y = x * 2
    with pytest.raises(error, match=text):
        y.backward(seed)
    assert x.grad is None
    y.backward(mg.ones(2, dtype=mg.float64))
    assert x.grad.tolist() == [2, 2]


# -- found by trying to break it ------------------------------------------------------------------------------


def test_a_grad_that_does_not_fit_cannot_be_set() -> None:
    x = mg.ones(3, requires_grad=True)
    with pytest.raises(ValueError, match=r"shape \(3,\) .* cannot have a gradient of shape \(2, 3\)"):
        x.grad = mg.ones(2, 3)
    with pytest.raises(TypeError, match="a gradient is a Tensor or None, not an int"):
        x.grad = 3
    assert x.grad is None


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda dy: dy * 2, "must return a tuple with a gradient for each of its 1 inputs"),
        (lambda dy: (3.0,), "must return tensors or None as gradients, not 3.0"),
    ],
)
def test_a_rule_that_returns_something_else_is_named(answer: Any, message: str) -> None:
    class Twice(mg.Op):
        """y = 2 x"""

        def forward(self, kernels: Any, x: Any) -> Any:
            return kernels.add(x, x)

        def backward(self, dy: mg.Tensor) -> Any:
            return answer(dy)

    x = mg.tensor(1.0, requires_grad=True)
    with pytest.raises(TypeError, match=f"<TwiceBackward> {message}"):
        mg.record(Twice(), x).backward()
    assert x.grad is None


def test_gradients_of_several_inputs_share_no_array_with_each_other_or_the_seed() -> None:
    x, y = mg.ones(2, requires_grad=True), mg.ones(2, requires_grad=True)
    seed = mg.ones(2)
    found = mg.grad(x + y, [x, y], seed)
    arrays = [t.array for t in (*found, seed, *mg.grad(x, x, seed))]
    assert len({id(a) for a in arrays}) == len(arrays)


def test_grad_of_something_else_is_refused() -> None:
    x = mg.ones(2, requires_grad=True)
    with pytest.raises(TypeError, match=r"grad\(\): outputs must be tensors, got int"):
        mg.grad(3, x)
