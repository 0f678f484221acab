"""Hooks on tensors and nodes: what they see, what they may replace, and when they are gone."""

from __future__ import annotations

from typing import Any

import pytest

import minigrad as mg


def leaf(*values: float) -> mg.Tensor:
    return mg.tensor(list(values), requires_grad=True)


# -- on a tensor ----------------------------------------------------------------------------------------------


def test_hook_sees_the_complete_gradient_once() -> None:
    x = leaf(1.0, 2.0)
    h = x * 2
    seen: list[Any] = []
    h.register_hook(lambda gradient: seen.append(gradient.tolist()))
    (h * h + h * 3).sum().backward()
    assert seen == [[7, 11]]


def test_hook_on_a_leaf_sees_what_is_about_to_be_added() -> None:
    x = leaf(1.0, 2.0)
    seen: list[Any] = []
    x.register_hook(lambda gradient: seen.append(gradient.tolist()))
    (x * 2 + x).sum().backward()
    (x * 5).sum().backward()
    assert seen == [[3, 3], [5, 5]]
    assert x.grad.tolist() == [8, 8]


def test_hook_can_replace_the_gradient_for_everything_behind_it() -> None:
    x = leaf(1.0, 2.0)
    h = x * 2
    h.retain_grad()
    h.register_hook(lambda gradient: gradient * 0.5)
    (h * 3).sum().backward()
    assert h.grad.tolist() == [1.5, 1.5]
    assert x.grad.tolist() == [3, 3]


def test_hooks_run_in_the_order_of_registration_on_each_others_results() -> None:
    x = leaf(1.0)
    x.register_hook(lambda gradient: gradient + 1)
    x.register_hook(lambda gradient: gradient * 10)
    x.sum().backward()
    assert x.grad.tolist() == [20]


def test_removed_hook_is_not_called() -> None:
    x = leaf(1.0)
    handle = x.register_hook(lambda gradient: gradient * 10)
    handle.remove()
    handle.remove()
    x.sum().backward()
    assert x.grad.tolist() == [1]


def test_hook_may_remove_itself() -> None:
    x = leaf(1.0)
    calls: list[int] = []

    def once(gradient: mg.Tensor) -> None:
        calls.append(1)
        handle.remove()

    handle = x.register_hook(once)
    x.sum().backward()
    x.sum().backward()
    assert calls == [1]


def test_hooks_apply_to_grad_as_well() -> None:
    x = leaf(1.0)
    h = x * 2
    x.register_hook(lambda gradient: gradient * 10)
    h.register_hook(lambda gradient: gradient * 3)
    found_x, found_h = mg.grad(h.sum(), [x, h])
    assert (found_x.tolist(), found_h.tolist()) == ([60], [3])


def test_hook_is_recorded_with_create_graph() -> None:
    x = leaf(3.0)
    x.register_hook(lambda gradient: gradient * gradient)
    (first,) = mg.grad((x**2).sum(), x, create_graph=True)  # (2x)^2, of which the derivative is 8x
    assert first.tolist() == [36]
    (second,) = mg.grad(first.sum(), x)  # goes through the hook once more: (8x)^2
    assert second.tolist() == [576]


def test_post_accumulate_hook_is_called_with_the_leaf_after_each_backward() -> None:
    x = leaf(1.0)
    seen: list[Any] = []
    x.register_post_accumulate_grad_hook(lambda t: seen.append((t is x, t.grad.tolist())))
    (x * 2).sum().backward()
    (x * 2).sum().backward()
    mg.grad((x * 2).sum(), x)
    assert seen == [(True, [2]), (True, [4])]


def test_post_accumulate_hook_can_take_the_step_and_drop_the_gradient() -> None:
    x = leaf(1.0)

    def step(t: mg.Tensor) -> None:
        with mg.no_grad():
            t -= 0.25 * t.grad
        t.grad = None

    x.register_post_accumulate_grad_hook(step)
    (x * 2).sum().backward()
    assert (x.tolist(), x.grad) == ([0.5], None)


# -- on a node ------------------------------------------------------------------------------------------------


def test_node_hook_sees_gradients_of_inputs_and_output_and_may_replace_the_former() -> None:
    x, w = leaf(2.0), leaf(3.0)
    y = x * w
    seen: list[Any] = []

    def hook(grad_inputs: Any, grad_outputs: Any) -> Any:
        seen.append(([g.tolist() for g in grad_inputs], [g.tolist() for g in grad_outputs]))
        return (grad_inputs[0] * 10, None)

    y.grad_fn.register_hook(hook)
    y.sum().backward()
    assert seen == [([[3], [2]], [[1]])]
    assert (x.grad.tolist(), w.grad.tolist()) == ([30], [2])


def test_node_prehook_may_replace_the_gradient_of_the_output() -> None:
    x = leaf(2.0)
    y = x * 3
    with y.grad_fn.register_prehook(lambda grad_outputs: (grad_outputs[0] * 10,)):
        y.sum().backward(retain_graph=True)
    y.sum().backward()
    assert x.grad.tolist() == [33]


# -- errors ---------------------------------------------------------------------------------------------------


def test_hook_that_returns_something_else_is_named_and_no_gradient_changes() -> None:
    x = leaf(1.0, 2.0)

    def shorten(gradient: mg.Tensor) -> mg.Tensor:
        return gradient.sum()

    x.register_hook(shorten)
    with pytest.raises(RuntimeError, match=r"the hook .*shorten must return None or a tensor of shape \(2,\) and"):
        (x * 2).sum().backward()
    assert x.grad is None


def test_node_hook_that_returns_too_few_gradients_is_named() -> None:
    y = leaf(1.0) * leaf(2.0)
    y.grad_fn.register_hook(lambda grad_inputs, grad_outputs: (None,))
    with pytest.raises(RuntimeError, match="must return None or 2 gradients"):
        y.sum().backward()


def test_what_cannot_be_called_is_no_hook() -> None:
    with pytest.raises(TypeError, match="a hook is a function, got 3"):
        leaf(1.0).register_hook(3)


def test_hook_needs_a_tensor_that_requires_a_gradient() -> None:
    with pytest.raises(RuntimeError, match=r"register_hook\(\) needs a tensor that requires a gradient"):
        mg.ones(1).register_hook(print)


def test_post_accumulate_hook_needs_a_leaf() -> None:
    with pytest.raises(RuntimeError, match=r"needs a leaf, not what <MulBackward> made"):
        (leaf(1.0) * 2).register_post_accumulate_grad_hook(print)


@pytest.mark.peer
def test_peer_calls_hooks_in_the_same_order_with_the_same_gradients() -> None:
    torch = pytest.importorskip("torch")

    def told(m: Any) -> list[Any]:
        log: list[Any] = []
        x = m.tensor([2.0], requires_grad=True)
        y = x * 3
        x.register_hook(lambda g: log.append(("x", g.tolist())))
        x.register_post_accumulate_grad_hook(lambda t: log.append(("after", t.grad.tolist())))
        y.register_hook(lambda g: log.append(("y", g.tolist())))
        y.grad_fn.register_prehook(lambda gs: log.append(("before", [g.tolist() for g in gs])))
        y.grad_fn.register_hook(lambda gi, go: log.append(("node", gi[0].tolist(), go[0].tolist())))
        (y * y).sum().backward()
        return log

    assert told(mg) == told(torch)


def test_hook_of_a_leaf_may_change_its_gradient_in_place() -> None:
    x, y = leaf(1.0), leaf(2.0)
    x.register_hook(lambda gradient: gradient.mul_(5))
    (x + y).backward(mg.ones(1))
    assert (x.grad.item(), y.grad.item()) == (5, 1)


@pytest.mark.parametrize("where", ["tensor", "before", "after"])
def test_hook_that_changes_in_place_what_another_path_has_too_is_refused(where: str) -> None:
    def double(*gradients: Any) -> None:
        g = gradients[0]
        (g[0] if isinstance(g, tuple) else g).mul_(2)

    x = leaf(1.0)
    z, y = x * 2, x * 3
    register = {
        "tensor": z.register_hook,
        "before": z.grad_fn.register_prehook,
        "after": z.grad_fn.register_hook,
    }
    register[where](double)
    with pytest.raises(RuntimeError, match="double changed a gradient in place, which others may have too"):
        ((z + y) * 4).backward()
    assert x.grad is None
