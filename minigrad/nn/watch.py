"""Module hooks: functions of the user's that see what goes into a module and comes out, forward and backward.

Forward, a hook is simply called. Backward, the module's inputs and outputs must be found in the graph: each passes
through two nodes that change nothing. All first nodes are recorded before all second ones, so the walk back visits
every second node before any first one. When it comes to a first one, all gradients have arrived: the hooks are
called with them, and what they return is sent on.

Order and meaning are PyTorch's (``torch.nn.Module``, https://pytorch.org/docs/stable/generated/torch.nn.Module.html).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from minigrad.graph import Gradients, Op, record
from minigrad.hooks import Handle, Hook, register
from minigrad.kernels import Array
from minigrad.mistakes import described
from minigrad.tensor import Tensor

if TYPE_CHECKING:
    from minigrad.nn.module import Module


class ModuleHooks:
    """The hooks of one module; each kind runs in the order of registration, those with ``prepend`` first."""

    def __init__(self) -> None:
        self.before: dict[int, Hook] = {}  # (module, args, kwargs) -> (args, kwargs) or None
        self.after: dict[int, Hook] = {}  # (module, args, kwargs, output) -> output or None
        self.arriving: dict[int, Hook] = {}  # (module, grad_output) -> grad_output or None
        self.leaving: dict[int, Hook] = {}  # (module, grad_input, grad_output) -> grad_input or None

    def call(self, module: Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """``module.forward(*args, **kwargs)`` with the hooks around it."""
        for hook in tuple(self.before.values()):
            args, kwargs = _arguments(hook(module, args, kwargs), args, kwargs)
        watch = Watch(self, module) if self.arriving or self.leaving else None
        if watch:
            args = watch.inputs(args)
        output = module.forward(*args, **kwargs)
        for hook in tuple(self.after.values()):
            changed = hook(module, args, kwargs, output)
            output = output if changed is None else changed
        return watch.outputs(output) if watch else output


def add(hooks: dict[int, Hook], hook: Hook, adapted: Hook, prepend: bool) -> Handle:
    """Register ``hook``, in the form ``adapted``, behind the others or in front of them."""
    if not callable(hook):
        raise TypeError(f"a hook is a function, got {hook!r}")
    others = dict(hooks) if prepend else {}
    for number in others:
        del hooks[number]
    handle = register(hooks, adapted)
    hooks.update(others)
    return handle


def without_kwargs_before(hook: Hook) -> Hook:
    """``hook(module, args)``, which returns arguments, as one that takes and returns keyword arguments as well."""

    def adapted(module: Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        found = hook(module, args)
        return None if found is None else (found if isinstance(found, tuple) else (found,), kwargs)

    return adapted


def without_kwargs_after(hook: Hook) -> Hook:
    """``hook(module, args, output)`` as one that takes keyword arguments as well."""
    return lambda module, args, kwargs, output: hook(module, args, output)


def _arguments(
    found: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if found is None:
        return args, kwargs
    if isinstance(found, tuple) and len(found) == 2 and isinstance(found[0], tuple) and isinstance(found[1], dict):
        return found
    raise RuntimeError(f"a forward pre-hook with kwargs must return None or (args, kwargs), it returned {found!r}")


# -- the way back ---------------------------------------------------------------------------------------------


class BackwardHook(Op):
    """y = x        where x enters or leaves a module that has backward hooks"""

    is_view = True

    def forward(self, kernels: Any, x: Array) -> Array:
        return x

    def backward(self, dy: Tensor) -> tuple[Tensor]:
        return (dy,)


class Crossing:
    """Tensors that cross a module's border; ``change`` is given their gradients, once all have arrived."""

    def __init__(self, size: int, change: Callable[[Gradients], Gradients]) -> None:
        self.size, self.change = size, change
        self.arrived: dict[int, Tensor] = {}
        self.leaving: dict[int, Tensor | None] = {}

    def through(self, tensors: dict[int, Tensor]) -> dict[int, Tensor]:
        """The tensors behind their two nodes each, by their places among the arguments."""
        first = {place: record(BackwardHook(), t) for place, t in tensors.items()}
        second = {place: record(BackwardHook(), t) for place, t in first.items()}
        for place in tensors:
            self._listen(place, first[place].grad_fn, second[place].grad_fn)
        return second

    def _listen(self, place: int, first: Op | None, second: Op | None) -> None:
        if first and second:  # unless nothing is recorded
            second.register_prehook(lambda gradients: self._arrive(place, gradients[0]))
            first.register_prehook(lambda gradients: self._leave(place))

    def _arrive(self, place: int, gradient: Tensor) -> None:
        self.arrived[place] = gradient

    def _leave(self, place: int) -> Gradients:
        if self.arrived:
            arrived, self.arrived = self.arrived, {}  # for another walk, also after an error in a hook
            self.leaving = dict(enumerate(self.change(tuple(arrived.get(k) for k in range(self.size)))))
        return (self.leaving.pop(place),)  # nothing is held on to


class Watch:
    """One call of a module whose gradients are seen by hooks."""

    def __init__(self, hooks: ModuleHooks, module: Module) -> None:
        self.hooks, self.module = hooks, module
        self.grad_output: Gradients = ()
        self.count = 0  # of the arguments
        self.has_inputs = False  # that need a gradient

    def inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments, those tensors that need a gradient behind their nodes."""
        found = _wanting(args)
        self.count, self.has_inputs = len(args), bool(found)
        passed = Crossing(len(args), self._leaving).through(found)
        return tuple(passed.get(k, x) for k, x in enumerate(args))

    def outputs(self, output: Any) -> Any:
        """What forward returned, a tensor or a tuple, behind nodes as well."""
        values = output if isinstance(output, tuple) else (output,)
        if not any(isinstance(value, Tensor) for value in values):
            raise TypeError(
                f"{type(self.module).__name__} has backward hooks, so forward must return a tensor or a tuple of "
                f"tensors, it returned {described(output)}"
            )
        passed = Crossing(len(values), self._arriving).through(_wanting(values))
        found = tuple(passed.get(k, value) for k, value in enumerate(values))
        if not isinstance(output, tuple):
            return found[0]
        return type(output)(*found) if hasattr(output, "_fields") else found

    def _arriving(self, gradients: Gradients) -> Gradients:
        for hook in tuple(self.hooks.arriving.values()):
            gradients = _fitting(hook(self.module, gradients), gradients, "grad_output")
        self.grad_output = gradients
        if not self.has_inputs:
            self._leaving((None,) * self.count)
        return gradients

    def _leaving(self, gradients: Gradients) -> Gradients:
        for hook in tuple(self.hooks.leaving.values()):
            gradients = _fitting(hook(self.module, gradients, self.grad_output), gradients, "grad_input")
        self.grad_output = ()
        return gradients


def _wanting(values: tuple[Any, ...]) -> dict[int, Tensor]:
    return {k: x for k, x in enumerate(values) if isinstance(x, Tensor) and x.requires_grad}


def _fitting(found: Any, old: Gradients, name: str) -> Gradients:
    """What a hook returned, if there is one for each; PyTorch lets a lone one stand for a tuple of one."""
    if found is None:
        return old
    new = found if isinstance(found, tuple) else (found,)
    if len(new) != len(old):
        raise RuntimeError(f"a backward hook must return None or {len(old)} of {name}, it returned {len(new)}")
    for before, after in zip(old, new, strict=True):
        if after is not None and (before is None or not isinstance(after, Tensor)):
            wanted = "None, as no gradient flows there" if before is None else "a tensor or None"
            raise RuntimeError(f"a backward hook must return {wanted} for each of {name}, it returned {after!r}")
        if before is not None and after is not None and (after.shape, after.dtype) != (before.shape, before.dtype):
            raise RuntimeError(
                f"a backward hook must return a {name} of shape {before.shape} and dtype {before.dtype}, "
                f"it returned one of shape {after.shape} and dtype {after.dtype}"
            )
    return tuple(before if after is None else after for before, after in zip(old, new, strict=True))
