"""mg.autograd: the names of ``torch.autograd``, and what only they offer; gradients for chosen leaves alone."""

from __future__ import annotations

from typing import Any

import pytest

import minigrad as mg
from graphs import leaf, scalar


def test_names_are_those_at_the_top_level() -> None:
    for name in mg.autograd.__all__:
        if name not in ("backward", "functional", "set_detect_anomaly"):
            assert getattr(mg.autograd, name) is getattr(mg, name)
    for name in mg.autograd.functional.__all__:
        assert getattr(mg.autograd.functional, name) is getattr(mg, name)


def test_function_says_what_takes_its_place() -> None:
    with pytest.raises(AttributeError, match=r"'Function': write an mg.Op, as its docstring"):
        mg.autograd.Function  # noqa: B018
    with pytest.raises(AttributeError, match=r"minigrad.autograd has no attribute 'nothing'$"):
        mg.autograd.nothing  # noqa: B018


# -- backward -------------------------------------------------------------------------------------------------


def test_backward_from_several_tensors_adds_their_weighted_derivatives() -> None:
    x = scalar(3.0)
    mg.autograd.backward([x * x, 5 * x], [None, mg.tensor(10.0, dtype=mg.float64)])
    assert x.grad.item() == 6 + 50
    mg.autograd.backward(x * x)
    assert x.grad.item() == 62


def test_backward_fills_the_inputs_alone() -> None:
    x, w, b = scalar(2.0), scalar(3.0), scalar(1.0)
    h = x * w
    kept = h + b
    kept.retain_grad()
    (kept * kept).backward(inputs=[w, h])
    assert (x.grad, b.grad, kept.grad) == (None, None, None)
    assert (w.grad.item(), h.grad.item()) == (28, 14)  # h is no leaf
    (x * w * b).backward(inputs=w)
    assert (w.grad.item(), x.grad) == (30, None)


def test_backward_calls_the_hooks_of_its_inputs_alone_and_leaves_what_it_does_not_reach() -> None:
    x, w, other = scalar(2.0), scalar(3.0), scalar(5.0)
    seen: list[str] = []
    for name, t in (("x", x), ("w", w), ("other", other)):
        t.register_post_accumulate_grad_hook(lambda t, name=name: seen.append(name))
    (x * w).backward(inputs=(w, other))
    assert (seen, x.grad, other.grad) == (["w"], None, None)


def test_backward_refuses_inputs_that_cannot_have_a_gradient() -> None:
    x = scalar(2.0)
    with pytest.raises(RuntimeError, match=r"backward\(\) was asked for input 1, a tensor that does not require"):
        (x * x).backward(inputs=[x, mg.ones(2)])
    with pytest.raises(RuntimeError, match=r"backward\(\): inputs names no tensor at all"):
        (x * x).backward(inputs=[])
    with pytest.raises(TypeError, match=r"backward\(\): inputs must be tensors, got str"):
        (x * x).backward(inputs="x")
    assert x.grad is None


def test_derivatives_of_a_walk_for_chosen_inputs() -> None:
    x, w = scalar(2.0), scalar(3.0)
    (x**3 * w).backward(inputs=x, create_graph=True)
    assert x.grad.item() == 36
    assert mg.grad(x.grad, [x, w])[1].item() == 12
    x.grad = None


# -- grad -----------------------------------------------------------------------------------------------------


def test_what_is_not_used_has_zeros_where_they_are_asked_for() -> None:
    x, unused = leaf(1.0, 2.0), mg.ones(2, 3, requires_grad=True)
    dx, zeros = mg.grad((x * x).sum(), [x, unused], materialize_grads=True)
    assert dx.tolist() == [2, 4]
    assert (zeros.tolist(), zeros.dtype, zeros.requires_grad) == ([[0] * 3] * 2, mg.float32, False)
    with pytest.raises(ValueError, match="materialize_grads gives zeros for what is not used"):
        mg.grad((x * x).sum(), [x, unused], allow_unused=False, materialize_grads=True)


def test_zeros_of_a_recorded_walk_can_be_differentiated_as_other_gradients_can() -> None:
    x, unused = leaf(1.0, 2.0), leaf(3.0)
    grads = mg.grad((x * x).sum(), [x, unused], create_graph=True, materialize_grads=True)
    assert [g.requires_grad for g in grads] == [True, True]
    again = mg.grad(grads[1].sum(), [unused, x], materialize_grads=True)
    assert [g.tolist() for g in again] == [[0], [0, 0]]


# -- anomalies ------------------------------------------------------------------------------------------------


def test_detection_is_set_from_here_on_and_within_a_with() -> None:
    zero = mg.tensor([0.0])
    mg.autograd.set_detect_anomaly(True)
    try:
        with pytest.raises(mg.AnomalyError):
            zero.log()
        with mg.autograd.set_detect_anomaly(False):
            assert zero.log().item() == float("-inf")
        with mg.autograd.set_detect_anomaly(True, inf=False):
            zero.log()
    finally:
        mg.autograd.set_detect_anomaly(False)
    zero.log()
    with pytest.raises(TypeError, match="mode must be True or False, got 1"):
        mg.autograd.set_detect_anomaly(1)


# -- PyTorch as the oracle ------------------------------------------------------------------------------------


@pytest.mark.peer
def test_backward_and_grad_are_pytorchs() -> None:
    def results(library: Any) -> list[Any]:
        x, w, u = (library.tensor(v, requires_grad=True) for v in ([1.0, 2.0], [3.0, 4.0], [5.0]))
        h = x * w
        y = (h * h).sum()
        y.backward(inputs=[w, h], retain_graph=True)
        found = [x.grad, w.grad.tolist(), h.grad.tolist()]
        library.autograd.backward([h, y], [library.tensor([1.0, 10.0]), None], inputs=x)
        grads = library.autograd.grad((x * x).sum(), [x, u], materialize_grads=True)
        jacobian = library.autograd.functional.jacobian(lambda t: t**2, x.detach())
        return [*found, x.grad.tolist(), *[g.tolist() for g in grads], jacobian.tolist()]

    torch = pytest.importorskip("torch")
    assert results(mg) == results(torch)
