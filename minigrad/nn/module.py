"""Module: a layer or a model, which finds the parameters and modules among its own attributes.

There is no registry beside the attributes. What is assigned is a part if it is a :class:`Parameter` or a
:class:`Module`; only buffers, which are plain tensors, are listed by name. A list, tuple or dict of parts would
hide them, and so it is refused. Modules form a tree, or share parts, but none contains itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from textwrap import indent
from typing import Any, NamedTuple, Self

import numpy as np

from minigrad.modes import enter_scope, leave_scope
from minigrad.nn.parameter import Parameter, zero_grad
from minigrad.tensor import Tensor

_CONTAINERS = (list, tuple, dict, set, frozenset)


class IncompatibleKeys(NamedTuple):
    """The names that :meth:`Module.load_state_dict` did not find, and those that it had no use for."""

    missing_keys: list[str]
    unexpected_keys: list[str]


class Module:
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

    def __init__(self) -> None:
        self.training = True
        self._buffers: set[str] = set()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        token = enter_scope(self)
        try:
            return self.forward(*args, **kwargs)
        finally:
            leave_scope(token)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The output, computed from the input. Call the module itself, so that the graph knows whose it is."""
        raise TypeError(f"{type(self).__name__} has no forward: define forward(self, x)")

    # -- its parts --------------------------------------------------------------------------------------------

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, (Parameter, Module)):
            if "_buffers" not in vars(self):
                raise AttributeError(f"{type(self).__name__}: call super().__init__() before assigning {name!r}")
            if isinstance(value, Module) and any(module is self for module in value.modules()):
                raise ValueError(f"{type(self).__name__}: with {name!r} the module would contain itself")
            self._buffers.discard(name)
        elif value is not None:
            self._refuse_to_lose(name, value)
            if isinstance(value, _CONTAINERS) and _hides_parts(value):
                raise TypeError(
                    f"{type(self).__name__}: {name!r} is a {type(value).__name__} with modules or parameters in "
                    "it, which would be neither trained nor saved: use nn.Sequential, or an attribute for each"
                )
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        self._buffers.discard(name)

    def _refuse_to_lose(self, name: str, value: Any) -> None:
        """A part that is overwritten by something else would silently no longer be trained or saved."""
        old, is_buffer = vars(self).get(name), name in vars(self).get("_buffers", ())
        wanted = Tensor if is_buffer else Parameter if isinstance(old, Parameter) else Module
        if (is_buffer or isinstance(old, (Parameter, Module))) and not isinstance(value, wanted):
            raise TypeError(
                f"{type(self).__name__}: {name!r} must stay a {wanted.__name__} or become None, "
                f"got {type(value).__name__}"
            )

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Assign a parameter by name; None is a place that has none, as the bias of a layer without."""
        self._assign(name, param, Parameter)

    def register_buffer(self, name: str, tensor: Tensor | None) -> None:
        """Assign a tensor that is part of the state but is not trained, such as a running mean."""
        if isinstance(tensor, Parameter):
            raise TypeError(f"{type(self).__name__}: {name!r} is a Parameter, which is trained: assign it plainly")
        self._assign(name, tensor, Tensor)
        self._buffers.add(name)

    def add_module(self, name: str, module: Module | None) -> None:
        """Assign a module by name."""
        self._assign(name, module, Module)

    def _assign(self, name: str, value: Any, wanted: type) -> None:
        here = type(self).__name__
        if "_buffers" not in vars(self):
            raise AttributeError(f"{here}: call super().__init__() before registering {name!r}")
        if not isinstance(name, str):
            raise TypeError(f"{here}: the name of a part must be a str, got {name!r}")
        if not name or "." in name:
            raise ValueError(f"{here}: a part needs a name without dots, got {name!r}")
        if hasattr(type(self), name) or name in ("training", "_buffers"):
            raise ValueError(f"{here}: {name!r} is an attribute of every {here}, choose another name")
        if value is not None and not isinstance(value, wanted):
            raise TypeError(f"{here}: {name!r} must be a {wanted.__name__}, got {type(value).__name__}")
        setattr(self, name, value)

    def _own_modules(self) -> list[tuple[str, Module]]:
        return [(name, part) for name, part in vars(self).items() if isinstance(part, Module)]

    def _own_parameters(self) -> list[tuple[str, Tensor]]:
        return [(name, part) for name, part in vars(self).items() if isinstance(part, Parameter)]

    def _own_buffers(self) -> list[tuple[str, Tensor]]:
        return [(name, part) for name, part in vars(self).items() if name in self._buffers and part is not None]

    # -- walking over them ------------------------------------------------------------------------------------

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """This module and all inside it, each once, with dotted names; its own name is ``prefix``."""
        seen: set[Module] = set()
        stack: list[tuple[str, Module]] = [(prefix, self)]
        while stack:
            path, module = stack.pop()
            if module not in seen:
                seen.add(module)
                yield path, module
                stack.extend((_dotted(path, name), part) for name, part in reversed(module._own_modules()))

    def modules(self) -> Iterator[Module]:
        """This module and all inside it, each once."""
        return (module for _, module in self.named_modules())

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules directly inside this one, each once, with their names."""
        seen: set[Module] = set()
        for name, module in self._own_modules():
            if module not in seen:
                seen.add(module)
                yield name, module

    def children(self) -> Iterator[Module]:
        """The modules directly inside this one, each once."""
        return (module for _, module in self.named_children())

    def named_parameters(self, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, Parameter]]:
        """The parameters, each once, with dotted names; without ``recurse`` this module's own alone."""
        return self._named(Module._own_parameters, prefix, recurse)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """The parameters, each once: what an optimiser takes."""
        return (param for _, param in self.named_parameters(recurse=recurse))

    def named_buffers(self, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, Tensor]]:
        """The buffers, each once, with dotted names; without ``recurse`` this module's own alone."""
        return self._named(Module._own_buffers, prefix, recurse)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """The buffers, each once."""
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    def _named(self, own: Any, prefix: str, recurse: bool) -> Iterator[tuple[str, Any]]:
        seen: set[Tensor] = set()
        for path, module in self.named_modules(prefix) if recurse else [(prefix, self)]:
            for name, part in own(module):
                if part not in seen:
                    seen.add(part)
                    yield _dotted(path, name), part

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

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget every parameter's gradient, or set it to zeros."""
        zero_grad(self.parameters(), set_to_none)

    # -- its state --------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Tensor]:
        """Every parameter and buffer by its dotted name, detached. They share the module's memory.

        Unlike :meth:`named_parameters` it names a shared tensor everywhere it occurs.

        >>> from minigrad import nn
        >>> {name: t.shape for name, t in nn.Sequential(nn.Linear(3, 2), nn.ReLU()).state_dict().items()}
        {'0.weight': (2, 3), '0.bias': (2,)}
        """
        return {name: tensor.detach() for name, tensor in self._state("")}

    def _state(self, prefix: str) -> Iterator[tuple[str, Tensor]]:
        for name, tensor in (*self._own_parameters(), *self._own_buffers()):
            yield _dotted(prefix, name), tensor
        for name, module in self._own_modules():
            yield from module._state(_dotted(prefix, name))

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
                wrong["wrong type"].append(f"{name} is a {type(value).__name__} in the state, no Tensor")
            elif value.shape != tensor.shape:
                wrong["wrong shape"].append(f"{name} is {tensor.shape} here, {value.shape} in the state")
            elif not np.can_cast(value.dtype, tensor.dtype, "same_kind"):
                wrong["wrong type"].append(f"{name} is {tensor.dtype} here, {value.dtype} in the state")
        lines = [f"\n  {what}: {', '.join(names)}" for what, names in wrong.items() if names]
        if lines:
            raise ValueError(f"{type(self).__name__} cannot load this state:{''.join(lines)}")
        with np.errstate(all="ignore"):  # a float64 too large for float32 becomes Inf, as in any cast
            for _, tensor, value in pairs:
                np.copyto(tensor.array, value.array, casting="same_kind")
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


def _hides_parts(container: Any) -> bool:
    """Whether there are modules or parameters in a container, or in one inside it."""
    stack, seen = [container], {id(container)}
    while stack:
        held = stack.pop()
        for part in held.values() if isinstance(held, dict) else held:
            if isinstance(part, (Parameter, Module)):
                return True
            if isinstance(part, _CONTAINERS) and id(part) not in seen:
                seen.add(id(part))
                stack.append(part)
    return False


def _dotted(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
