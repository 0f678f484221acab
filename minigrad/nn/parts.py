"""Parts: how a module finds the parameters, buffers and modules among its own attributes.

There is no registry beside the attributes. What is assigned is a part if it is a :class:`Parameter` or a
:class:`Module`; only buffers, which are plain tensors, are listed by name. A list, tuple or dict of parts would
hide them, and so it is refused. Modules form a tree, or share parts, but none contains itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

from minigrad.mistakes import described
from minigrad.nn.parameter import Parameter
from minigrad.tensor import Tensor

if TYPE_CHECKING:
    from minigrad.nn.module import Module

_CONTAINERS = (list, tuple, dict, set, frozenset)


class Parts:
    """The attributes of a module that are trained, saved, or modules themselves: assigned, registered, found."""

    _buffers: dict[str, bool]  # their names, and whether they are part of the state

    # -- its parts --------------------------------------------------------------------------------------------

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, (Parameter, Parts)):
            if "_buffers" not in vars(self):
                raise AttributeError(f"{type(self).__name__}: call super().__init__() before assigning {name!r}")
            if isinstance(value, Parts) and any(module is self for module in value.modules()):
                raise ValueError(f"{type(self).__name__}: with {name!r} the module would contain itself")
            self._buffers.pop(name, None)
        elif value is not None:
            self._refuse_to_lose(name, value)
            if isinstance(value, _CONTAINERS) and _hides_parts(value):
                raise TypeError(
                    f"{type(self).__name__}: {name!r} is {described(value)} with modules or parameters in it, "
                    f"which would be neither trained nor saved: use {_instead_of(value)}"
                )
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        self._buffers.pop(name, None)

    def _refuse_to_lose(self, name: str, value: Any) -> None:
        """A part that is overwritten by something else would silently no longer be trained or saved."""
        old, is_buffer = vars(self).get(name), name in vars(self).get("_buffers", ())
        wanted: type = Tensor if is_buffer else Parameter if isinstance(old, Parameter) else Parts
        if (is_buffer or isinstance(old, (Parameter, Parts))) and not isinstance(value, wanted):
            raise TypeError(
                f"{type(self).__name__}: {name!r} must stay a {_kind(wanted)} or become None, it cannot become "
                f"{described(value)}"
            )

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Assign a parameter by name; None is a place that has none, as the bias of a layer without."""
        self._assign(name, param, Parameter)

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Assign a tensor that is not trained, such as a running mean; ``persistent``, it is part of the state."""
        if isinstance(tensor, Parameter):
            raise TypeError(f"{type(self).__name__}: {name!r} is a Parameter, which is trained: assign it plainly")
        if not isinstance(persistent, bool):
            raise TypeError(f"{type(self).__name__}: persistent must be True or False, got {persistent!r}")
        self._assign(name, tensor, Tensor)
        self._buffers[name] = persistent

    def add_module(self, name: str, module: Module | None) -> None:
        """Assign a module by name."""
        self._assign(name, module, Parts)

    def _assign(self, name: str, value: Any, wanted: type) -> None:
        here = type(self).__name__
        if "_buffers" not in vars(self):
            raise AttributeError(f"{here}: call super().__init__() before registering {name!r}")
        if not isinstance(name, str):
            raise TypeError(f"{here}: the name of a part must be a str, got {name!r}")
        if not name or "." in name:
            raise ValueError(f"{here}: a part needs a name without dots, got {name!r}")
        if hasattr(type(self), name) or name in ("training", "_buffers", "_hooks", "_is_own"):
            raise ValueError(f"{here}: {name!r} is an attribute of every {here}, choose another name")
        if value is not None and not isinstance(value, wanted):
            raise TypeError(f"{here}: {name!r} must be a {_kind(wanted)}, got {described(value)}")
        old = vars(self).get(name)
        if isinstance(old, (Parameter, Parts)) and value is not None and wanted is Tensor:
            kind = "parameter" if isinstance(old, Parameter) else "module"
            raise TypeError(f"{here}: {name!r} is already a {kind}: choose another name")
        setattr(self, name, value)

    def _own_modules(self) -> list[tuple[str, Module]]:
        return [(name, cast("Module", part)) for name, part in vars(self).items() if isinstance(part, Parts)]

    def _own_parameters(self) -> list[tuple[str, Parameter]]:
        return [(name, part) for name, part in vars(self).items() if isinstance(part, Parameter)]

    def _own_buffers(self) -> list[tuple[str, Tensor]]:
        return [(name, part) for name, part in vars(self).items() if name in self._buffers and part is not None]

    # -- walking over them ------------------------------------------------------------------------------------

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """This module and all inside it, each once, with dotted names; its own name is ``prefix``."""
        seen: set[Module] = set()
        stack = [(prefix, cast("Module", self))]
        while stack:
            path, module = stack.pop()
            if module not in seen:
                seen.add(module)
                yield path, module
                stack.extend((dotted(path, name), part) for name, part in reversed(module._own_modules()))

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
        return self._named(Parts._own_parameters, prefix, recurse)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """The parameters, each once: what an optimiser takes."""
        return (param for _, param in self.named_parameters(recurse=recurse))

    def named_buffers(self, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, Tensor]]:
        """The buffers, each once, with dotted names; without ``recurse`` this module's own alone."""
        return self._named(Parts._own_buffers, prefix, recurse)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """The buffers, each once."""
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    def _named(self, own: Any, prefix: str, recurse: bool) -> Iterator[tuple[str, Any]]:
        seen: set[Tensor] = set()
        for path, module in self.named_modules(prefix) if recurse else [(prefix, cast("Module", self))]:
            for name, part in own(module):
                if part not in seen:
                    seen.add(part)
                    yield dotted(path, name), part

    # -- one of them by its name ------------------------------------------------------------------------------

    def get_submodule(self, target: str) -> Module:
        """The module with a dotted name, such as ``"encoder.0"``; the module itself for ``""``.

        Raises AttributeError, as do the two below, where there is none of that name.
        """
        found = cast("Module", self)
        for name in target.split(".") if target else ():
            part = vars(found).get(name)
            if not isinstance(part, Parts):
                raise AttributeError(f"{type(found).__name__} has no module {name!r}, looked for as {target!r}")
            found = cast("Module", part)
        return found

    def get_parameter(self, target: str) -> Parameter:
        """The parameter with a dotted name."""
        path, _, name = target.rpartition(".")
        part = vars(self.get_submodule(path)).get(name)
        if not isinstance(part, Parameter):
            raise AttributeError(f"{type(self).__name__} has no parameter {target!r}")
        return part

    def get_buffer(self, target: str) -> Tensor:
        """The buffer with a dotted name."""
        path, _, name = target.rpartition(".")
        found = dict(self.get_submodule(path)._own_buffers()).get(name)
        if found is None:
            raise AttributeError(f"{type(self).__name__} has no buffer {target!r}")
        return found


def _kind(wanted: type) -> str:
    return "Module" if wanted is Parts else wanted.__name__


def _instead_of(container: Any) -> str:
    """What would hold the parts of a container so that they are found."""
    parts = list(container.values() if isinstance(container, dict) else container)
    if all(isinstance(part, Parts) for part in parts):
        if isinstance(container, dict):
            return "nn.ModuleDict"
        return "nn.Sequential, which calls one after the other, or nn.ModuleList"
    if all(isinstance(part, Parameter) for part in parts) and not isinstance(container, dict):
        return "nn.ParameterList"
    return "an attribute for each"


def _hides_parts(container: Any) -> bool:
    """Whether there are modules or parameters in a container, or in one inside it."""
    stack, seen = [container], {id(container)}
    while stack:
        held = stack.pop()
        for part in held.values() if isinstance(held, dict) else held:
            if isinstance(part, (Parameter, Parts)):
                return True
            if isinstance(part, _CONTAINERS) and id(part) not in seen:
                seen.add(id(part))
                stack.append(part)
    return False


def dotted(path: str, name: str) -> str:
    """The name of a part of the module with that path."""
    return f"{path}.{name}" if path else name
