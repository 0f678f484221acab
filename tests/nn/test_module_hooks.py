"""Module hooks: what they see, what they may change, and in which order they run."""

from __future__ import annotations

import gc
import importlib
import weakref
from typing import Any

import pytest

import minigrad as mg
from minigrad import nn


def with_hooks(framework: Any) -> list[str]:
    """The log of every kind of hook, registered in mixed order, around two modules and one walk back."""
    log: list[str] = []
    net = framework.nn.Sequential(framework.nn.Linear(2, 3), framework.nn.Tanh())
    for name, module in (("net", net), ("linear", net[0])):
        for label, prepend in (("a", False), ("b", False), ("c", True)):

            def note(kind: str, who: str = f"{name} {label}") -> Any:
                return lambda *given: log.append(f"{kind} {who} {len(given)}")

            module.register_full_backward_hook(note("backward"), prepend=prepend)
            module.register_full_backward_pre_hook(note("backward pre"), prepend=prepend)
            module.register_forward_hook(note("forward"), prepend=prepend)
            module.register_forward_pre_hook(note("forward pre"), prepend=prepend, with_kwargs=label == "a")
    net(framework.ones(4, 2, requires_grad=True)).sum().backward()
    log.append("no gradient for the input")
    net(framework.ones(4, 2)).sum().backward()
    return log


@pytest.mark.peer
@pytest.mark.filterwarnings("ignore:Full backward hook is firing")
def test_hooks_run_in_pytorchs_order():
    assert with_hooks(mg) == with_hooks(pytest.importorskip("torch"))


class Two(nn.Module):
    """Two inputs, two outputs, and a number on the way."""

    def forward(self, x: Any, k: float, y: Any) -> Any:
        return x * k, x * y


def two_inputs(framework: Any, watch: bool) -> list[Any]:
    base = importlib.import_module(f"{framework.__name__}.nn").Module
    module = type("Both", (base,), {"forward": Two.forward})()
    seen: list[Any] = []

    def hook(_: Any, grad_input: Any, grad_output: Any) -> Any:
        seen.append([[None if g is None else g.tolist() for g in each] for each in (grad_input, grad_output)])
        return tuple(None if g is None else g * 10 for g in grad_input)

    if watch:
        module.register_full_backward_pre_hook(lambda _, grads: tuple(g if g is None else g * 2 for g in grads))
        module.register_full_backward_hook(hook)
    x, y = (framework.tensor(v, requires_grad=True) for v in ([1.0, 2.0], [3.0, 4.0]))
    first, second = module(x, 5.0, y)
    (first + second).sum().backward()
    _, alone = module(x, 5.0, y)
    alone.sum().backward()
    return [*seen, x.grad.tolist(), y.grad.tolist()]


@pytest.mark.peer
@pytest.mark.parametrize("watch", [False, True])
def test_gradients_of_several_inputs_and_outputs_come_together_as_in_pytorch(watch):
    assert two_inputs(mg, watch) == two_inputs(pytest.importorskip("torch"), watch)


def test_a_forward_pre_hook_changes_the_arguments():
    module = nn.Identity()
    with module.register_forward_pre_hook(lambda module, args: args[0] + 1):
        assert module(mg.ones(1)).item() == 2
    with module.register_forward_pre_hook(lambda m, args, kwargs: ((), {"input": mg.zeros(1)}), with_kwargs=True):
        assert module(mg.ones(1)).item() == 0
    assert module(mg.ones(1)).item() == 1


def test_a_forward_hook_sees_keyword_arguments_and_changes_the_output():
    module = nn.Identity()
    module.register_forward_hook(lambda m, args, kwargs, output: kwargs["input"] * 3, with_kwargs=True)
    handle = module.register_forward_hook(lambda m, args, output: output + 1)
    assert module(input=mg.ones(1)).item() == 4
    handle.remove()
    assert module(input=mg.ones(1)).item() == 3


def test_backward_hooks_work_at_every_walk_and_at_any_order():
    x = mg.tensor([2.0], requires_grad=True)
    cube = type("Cube", (nn.Module,), {"forward": lambda self, x: x * x * x})()
    calls: list[float] = []
    cube.register_full_backward_hook(lambda m, dx, dy: calls.append(dx[0].item()))
    y = cube(x)
    (dx,) = mg.grad(y, x, create_graph=True)
    (ddx,) = mg.grad(dx, x, retain_graph=True)
    assert (dx.item(), ddx.item()) == (12.0, 12.0)
    assert mg.grad(y, x)[0].item() == 12.0
    assert calls.count(12.0) >= 2


def test_a_graph_with_backward_hooks_is_freed_without_the_garbage_collector():
    layer = nn.Linear(2, 2)
    layer.register_full_backward_hook(lambda m, dx, dy: None)
    layer.register_full_backward_pre_hook(lambda m, dy: None)
    layer(mg.ones(1, 2, requires_grad=True)).sum().backward()  # kernels that are compiled leave cycles behind
    gc.disable()
    try:
        loss = layer(mg.ones(1, 2, requires_grad=True)).sum()
        node = weakref.ref(loss.grad_fn)
        loss.backward()
        del loss
        assert node() is None
    finally:
        gc.enable()


def test_without_recording_backward_hooks_leave_the_result_alone():
    layer = nn.Linear(2, 2)
    layer.register_full_backward_hook(lambda m, dx, dy: None)
    with mg.no_grad():
        assert layer(mg.ones(1, 2)).grad_fn is None


@pytest.mark.parametrize(
    ("register", "hook", "message"),
    [
        ("register_full_backward_hook", lambda m, dx, dy: dx * 2, "None or 1 of grad_input, it returned 2"),
        ("register_full_backward_hook", lambda m, dx, dy: (3,), "a tensor or None for each of grad_input"),
        ("register_full_backward_pre_hook", lambda m, dy: mg.ones(7), r"grad_output of shape \(1, 2\).* \(7,\)"),
    ],
)
def test_a_backward_hook_that_returns_what_does_not_fit_says_so(register, hook, message):
    layer = nn.Tanh()
    getattr(layer, register)(hook)
    y = layer(mg.ones(1, 2, requires_grad=True)).sum()
    with pytest.raises(RuntimeError, match=message):
        y.backward()


def test_a_gradient_for_an_input_that_needs_none_is_refused():
    layer = nn.Linear(2, 2)
    layer.register_full_backward_hook(lambda m, dx, dy: (mg.ones(1, 2),))
    with pytest.raises(RuntimeError, match="must return None, as no gradient flows there"):
        layer(mg.ones(1, 2)).sum().backward()


def test_what_is_no_function_is_no_hook_and_an_output_without_tensors_has_no_gradient():
    layer = nn.Identity()
    for register in (layer.register_forward_hook, layer.register_full_backward_pre_hook):
        with pytest.raises(TypeError, match="a hook is a function, got 3"):
            register(3)
    layer.register_full_backward_hook(lambda m, dx, dy: None)
    with pytest.raises(TypeError, match="must return a tensor or a tuple of tensors, it returned a list"):
        layer([mg.ones(1)])
    with (
        layer.register_forward_pre_hook(lambda m, a, k: a, with_kwargs=True),
        pytest.raises(RuntimeError, match=r"must return None or \(args, kwargs\)"),
    ):
        layer(mg.ones(1))
