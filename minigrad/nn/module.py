"""Module: a layer or a model. Its parts are found by ``parts.py``, its hooks called by ``watch.py``."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from textwrap import indent
from types import FunctionType
from typing import Any, NamedTuple, Self

import numpy as np

from minigrad import dtypes, kernels
from minigrad.conversion import cuda_device, parse_to
from minigrad.hooks import Handle, Hook
from minigrad.lines import is_own
from minigrad.mistakes import described
from minigrad.modes import Scope, current_scope, leave_scope, set_scope
from minigrad.nn.parameter import zero_grad
from minigrad.nn.parts import Parts, dotted
from minigrad.nn.watch import ModuleHooks, add, without_kwargs_after, without_kwargs_before
from minigrad.tensor import Tensor


class IncompatibleKeys(NamedTuple):
    """The names that :meth:`Module.load_state_dict` did not find, and those that it had no use for."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not any(self):
            return "<All keys matched successfully>"
        return f"IncompatibleKeys(missing_keys={self.missing_keys}, unexpected_keys={self.unexpected_keys})"


class Module(Parts):
    """A layer, or a model made of layers. A subclass assigns its parts in ``__init__`` and has a ``forward``:

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> class Scale(nn.Module):
    ...     def __init__(self, factor):
    ...         super().__init__()
    ...         self.factor = nn.Parameter([factor])
    ...     def forward(self, x):
    ...         return x * self.factor
    >>> scale = Scale(2.0)
    >>> scale(mg.tensor([1.0, 2.0]))
    tensor([2., 4.], grad_fn=<MulBackward>)
    >>> dict(scale.named_parameters())
    {'factor': Parameter containing:
    tensor([2.], requires_grad=True)}

    Attributes:
        training: whether the module is being trained; :meth:`train` and :meth:`eval` set it.
    """

    _hooks: ModuleHooks | None = None  # once there was one
    _is_own = True  # whether it is a class of minigrad's, and so runs no code of the user's

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        if "_is_own" not in vars(cls):
            cls._is_own = is_own(cls)
        if cls._is_own and "__init__" not in vars(cls):
            cls.__init__ = _renamed(cls.__init__, f"{cls.__name__}.__init__")  # type: ignore[method-assign]

    def __init__(self) -> None:
        self.training = True
        self._buffers = {}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        token = set_scope(Scope(self, current_scope()))
        try:
            return self._hooks.call(self, args, kwargs) if self._hooks else self.forward(*args, **kwargs)
        finally:
            leave_scope(token)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The output, computed from the input. Call the module itself, so that the graph knows whose it is."""
        raise TypeError(f"{type(self).__name__} has no forward: define forward(self, x)")

    # -- hooks ------------------------------------------------------------------------------------------------

    def register_forward_pre_hook(self, hook: Hook, *, prepend: bool = False, with_kwargs: bool = False) -> Handle:
        """Call ``hook(module, args)`` before each ``forward``; it may return other arguments, or the only one.

        With ``with_kwargs`` it is ``hook(module, args, kwargs)``, which may return other ``(args, kwargs)``. Hooks
        run in the order in which they were registered, except that those with ``prepend`` come first.
        """
        adapted = hook if with_kwargs else without_kwargs_before(hook)
        return add(self._own_hooks().before, hook, adapted, prepend)

    def register_forward_hook(self, hook: Hook, *, prepend: bool = False, with_kwargs: bool = False) -> Handle:
        """Call ``hook(module, args, output)`` after each ``forward``; it may return another output.

        With ``with_kwargs`` it is ``hook(module, args, kwargs, output)``.

        >>> import minigrad as mg
        >>> layer = mg.nn.Linear(3, 2)
        >>> with layer.register_forward_hook(lambda module, args, output: print(output.shape)):
        ...     y = layer(mg.ones(5, 3))
        (5, 2)
        """
        adapted = hook if with_kwargs else without_kwargs_after(hook)
        return add(self._own_hooks().after, hook, adapted, prepend)

    def register_full_backward_pre_hook(self, hook: Hook, prepend: bool = False) -> Handle:
        """Call ``hook(module, grad_output)`` when the gradients of the outputs, a tuple, have been computed.

        It may return others.
        """
        return add(self._own_hooks().arriving, hook, hook, prepend)

    def register_full_backward_hook(self, hook: Hook, prepend: bool = False) -> Handle:
        """Call ``hook(module, grad_input, grad_output)`` when the gradients of the inputs have been computed.

        Both are tuples, with an element for each positional argument and for each output: None where no gradient
        flows. The hook may return another ``grad_input``.

        >>> import minigrad as mg
        >>> x = mg.tensor([1.0, -2.0], requires_grad=True)
        >>> layer = mg.nn.ReLU()
        >>> with layer.register_full_backward_hook(lambda module, dx, dy: print(dx, dy)):
        ...     layer(x).sum().backward()
        (tensor([1., 0.]),) (tensor([1., 1.]),)
        """
        return add(self._own_hooks().leaving, hook, hook, prepend)

    def _own_hooks(self) -> ModuleHooks:
        self._hooks = self._hooks or ModuleHooks()
        return self._hooks

    # -- training ---------------------------------------------------------------------------------------------

    def train(self, mode: bool = True) -> Self:
        """Set ``training`` here and in every module inside. Returns the module itself."""
        if not isinstance(mode, bool):
            raise TypeError(f"train() expects True or False, got {mode!r}")
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """The same as ``train(False)``. Recording is another matter: see :class:`mg.no_grad`."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Have every parameter want a gradient, or freeze them all. Returns the module itself."""
        if not isinstance(requires_grad, bool):
            raise TypeError(f"requires_grad_() expects True or False, got {requires_grad!r}")
        for param in self.parameters():
            param.requires_grad = requires_grad
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget every parameter's gradient, or set it to zeros."""
        zero_grad(self.parameters(), set_to_none)

    # -- all of it at once ------------------------------------------------------------------------------------

    def apply(self, fn: Callable[[Module], Any]) -> Self:
        """Call ``fn`` on every module inside, and last on the module itself, which is returned.

        >>> import minigrad as mg
        >>> from minigrad import nn
        >>> net = nn.Sequential(nn.Linear(2, 2), nn.ReLU()).apply(lambda module: print(type(module).__name__))
        Linear
        ReLU
        Sequential
        """
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def to(self, *wanted: Any, device: str | None = None, dtype: Any = None, non_blocking: bool = False) -> Self:
        """Give every parameter and buffer of floats another dtype, ``net.to(mg.float64)``, in place.

        A device is taken too, ``net.to("cuda")``, to which every parameter and buffer goes; a tensor stands for
        its dtype and device. Gradients go along. An optimiser is made afterwards, for what it remembers keeps its
        dtype and device. ``non_blocking`` is taken, and of no effect. Returns the module itself.

        Raises TypeError for a dtype that has no gradients, ValueError for an unknown device.
        """
        place, found = parse_to(*wanted, device=device, dtype=dtype)
        if found is not None and found.kind != "f":
            raise TypeError(f"{type(self).__name__}: parameters are floats, they cannot be {found}")
        for tensor in (*self.parameters(), *self.buffers()):
            kind = found if found is not None and tensor.dtype.kind == "f" else tensor.dtype
            if (kind, place or tensor.device) != (tensor.dtype, tensor.device):
                _convert(tensor, kind, place or tensor.device)
        return self

    def cuda(self, device: int | str | None = None) -> Self:
        """The same as ``to("cuda")``, or to the GPU of that number or name."""
        return self.to(cuda_device(device))

    def cpu(self) -> Self:
        """The same as ``to("cpu")``."""
        return self.to("cpu")

    def float(self) -> Self:
        """The same as ``to(mg.float32)``."""
        return self.to(dtypes.float32)

    def double(self) -> Self:
        """The same as ``to(mg.float64)``."""
        return self.to(dtypes.float64)

    # -- its state --------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Tensor]:
        """Every parameter and persistent buffer by its dotted name, detached. They share the module's memory.

        Unlike :meth:`named_parameters` it names a shared tensor everywhere it occurs.

        >>> from minigrad import nn
        >>> {name: t.shape for name, t in nn.Sequential(nn.Linear(3, 2), nn.ReLU()).state_dict().items()}
        {'0.weight': (2, 3), '0.bias': (2,)}
        """
        return {name: tensor.detach() for name, tensor in self._state("")}

    def _state(self, prefix: str) -> Iterator[tuple[str, Tensor]]:
        for name, tensor in (*self._own_parameters(), *self._own_buffers()):
            if self._buffers.get(name, True):
                yield dotted(prefix, name), tensor
        for name, module in self._own_modules():
            yield from module._state(dotted(prefix, name))

    def load_state_dict(self, state: Mapping[str, Tensor], strict: bool = True) -> IncompatibleKeys:
        """Copy tensors by name into the parameters and buffers, in place, cast to their dtypes.

        Args:
            state: tensors by dotted name, as :meth:`state_dict` and ``mg.load`` give them.
            strict: refuse missing and unexpected names. Without it they are returned, and the rest is loaded.

        Returns:
            The missing and the unexpected names; with ``strict`` both are empty.

        Raises:
            ValueError: something does not fit. The message lists all of it, and nothing has been loaded.

        >>> import minigrad as mg
        >>> from minigrad import nn
        >>> nn.Linear(3, 2).load_state_dict({"weight": mg.ones(2, 2), "scale": mg.ones(2)})
        Traceback (most recent call last):
        ValueError: Linear cannot load this state:
          missing: bias
          unexpected: scale
          wrong shape: weight is (2, 3) here, (2, 2) in the state
        """
        own = self.state_dict()
        missing = [name for name in own if name not in state]
        unexpected = [name for name in state if name not in own]
        wrong: dict[str, list[str]] = {"missing": [], "unexpected": [], "wrong shape": [], "wrong type": []}
        if strict:
            wrong["missing"], wrong["unexpected"] = missing, unexpected
        pairs = [(name, tensor, state[name]) for name, tensor in own.items() if name in state]
        for name, tensor, value in pairs:
            if not isinstance(value, Tensor):
                wrong["wrong type"].append(f"{name} is {described(value)} in the state, not a Tensor")
            elif value.shape != tensor.shape:
                wrong["wrong shape"].append(f"{name} is {tensor.shape} here, {value.shape} in the state")
            elif not np.can_cast(value.dtype, tensor.dtype, "same_kind"):
                wrong["wrong type"].append(f"{name} is {tensor.dtype} here, {value.dtype} in the state")
        lines = [f"\n  {what}: {', '.join(names)}" for what, names in wrong.items() if names]
        if lines:
            raise ValueError(f"{type(self).__name__} cannot load this state:{''.join(lines)}")
        for _, tensor, value in pairs:
            kernels.write(tensor.array, value.array)
            tensor.touch()
        return IncompatibleKeys(missing, unexpected)

    # -- as text ----------------------------------------------------------------------------------------------

    def extra_repr(self) -> str:
        """What stands between the parentheses in ``repr``: the arguments of the layer."""
        return ""

    def __repr__(self) -> str:
        own = self.extra_repr()
        parts = [f"({name}): {module!r}" for name, module in self._own_modules()]
        if not parts:
            return f"{type(self).__name__}({own})"
        lines = "\n".join([own, *parts] if own else parts)
        return f"{type(self).__name__}(\n{indent(lines, '  ')}\n)"


def _renamed(function: Any, qualname: str) -> Any:
    """A function under another name, by which Python's errors about its arguments call it."""
    twin = FunctionType(function.__code__, function.__globals__, None, function.__defaults__, function.__closure__)
    functools.update_wrapper(twin, function)
    twin.__kwdefaults__, twin.__qualname__ = function.__kwdefaults__, qualname
    return twin


def _convert(tensor: Tensor, dtype: dtypes.DType, device: str) -> None:
    gradient, tensor.grad = tensor.grad, None
    tensor.array = tensor.detach().to(dtype, device).array
    tensor._constant = None  # which noted the old dtype
    tensor.touch()
    tensor.grad = None if gradient is None else gradient.to(dtype, device)
