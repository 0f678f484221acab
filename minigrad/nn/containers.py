"""Containers: modules that hold others, in a chain that runs, in a list, in a dict; and parameters likewise."""

from __future__ import annotations

import itertools
from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from typing import Any, Self, overload

from minigrad.lines import is_own
from minigrad.mistakes import described
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter

__all__ = ["ModuleDict", "ModuleList", "ParameterDict", "ParameterList", "Sequential"]


def _no_module(here: str, where: str, value: Any) -> TypeError:
    """The error for anything but a module; a class is made one by calling it."""
    hint = ""
    if isinstance(value, type) and issubclass(value, Module):
        hint = f": write {'nn.' if is_own(value) else ''}{value.__name__}()"
    return TypeError(f"{here} is made of modules, {where} {described(value)}{hint}")


class Chain(Module):
    """Modules in an order, named ``"0"``, ``"1"`` and so on: what a Sequential and a ModuleList share."""

    def append(self, module: Module) -> Self:
        """Put a module at the end, under the next free number. Returns the container itself."""
        if not isinstance(module, Module):
            raise _no_module(type(self).__name__, "append() got", module)
        numbers = map(str, itertools.count(len(self)))
        self.add_module(next(name for name in numbers if not hasattr(self, name)), module)
        return self

    def extend(self, modules: Iterable[Module]) -> Self:
        """Put modules at the end. Returns the container itself."""
        for module in list(modules):
            self.append(module)
        return self

    def insert(self, index: int, module: Module) -> Self:
        """Put a module before the one at ``index``; all are numbered anew. Returns the container itself."""
        self.append(module)
        modules = list(self)
        modules.insert(index, modules.pop())
        self._renumber(modules)
        return self

    def pop(self, index: int = -1) -> Module:
        """Take a module out, and return it; the others are numbered anew."""
        module = self[index]
        del self[index]
        return module

    def _renumber(self, modules: Iterable[Module]) -> None:
        for name, _ in self._own_modules():
            delattr(self, name)
        for i, module in enumerate(modules):
            self.add_module(str(i), module)

    def _at(self, index: int) -> tuple[str, Module]:
        try:
            return self._own_modules()[index]
        except IndexError:
            here = type(self).__name__
            raise IndexError(f"there is no module {index} in a {here} of {len(self)}") from None

    def __len__(self) -> int:
        return len(self._own_modules())

    def __iter__(self) -> Iterator[Module]:
        return (module for _, module in self._own_modules())

    @overload
    def __getitem__(self, index: int) -> Module: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: int | slice) -> Module:
        return self._slice(index) if isinstance(index, slice) else self._at(index)[1]

    def _slice(self, index: slice) -> Self:
        return type(self)().extend(list(self)[index])

    def __setitem__(self, index: int, module: Module) -> None:
        self.add_module(self._at(index)[0], module)

    def __delitem__(self, index: int | slice) -> None:
        modules = list(self)
        if not isinstance(index, slice):
            self._at(index)
        del modules[index]
        self._renumber(modules)


class Sequential(Chain):
    """Modules one after the other, each fed with what the one before returned.

    Made of modules, named ``"0"``, ``"1"`` and so on, or of one dict of names and modules. A slice is a
    Sequential of the same modules under the same names.

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> net = Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    >>> net(mg.zeros(5, 4)).shape, len(net)
    ((5, 2), 3)
    >>> net[1:]
    Sequential(
      (1): ReLU()
      (2): Linear(in_features=3, out_features=2, bias=True)
    )
    """

    @overload
    def __init__(self, *modules: Module) -> None: ...
    @overload
    def __init__(self, modules: Mapping[str, Module], /) -> None: ...
    def __init__(self, *modules: Any) -> None:
        super().__init__()
        if len(modules) == 1 and isinstance(modules[0], Mapping):
            named = modules[0]
        else:
            named = {str(i): module for i, module in enumerate(modules)}
        for name, module in named.items():
            if not isinstance(module, Module):
                raise _no_module("Sequential", f"{name!r} is", module)
            self.add_module(name, module)

    def forward(self, x: Any) -> Any:
        for module in vars(self).values():  # as __iter__, without a list at every call
            if isinstance(module, Module):
                x = module(x)
        return x

    def _slice(self, index: slice) -> Self:
        return type(self)(dict(self._own_modules()[index]))


class ModuleList(Chain):
    """A list of modules, whose parameters are found, for a ``forward`` that calls them as it likes.

    >>> from minigrad import nn
    >>> layers = ModuleList(nn.Linear(4, 4) for _ in range(3))
    >>> len(layers), layers[-1], [name for name, _ in layers[1:].named_parameters()]
    (3, Linear(in_features=4, out_features=4, bias=True), ['0.weight', '0.bias', '1.weight', '1.bias'])
    """

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        super().__init__()
        self.extend(modules)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("a ModuleList cannot be called: call the modules in it, or use a Sequential")


class ModuleDict(Module):
    """A dict of modules, whose parameters are found, for a ``forward`` that calls them as it likes.

    >>> from minigrad import nn
    >>> heads = ModuleDict({"name": nn.Linear(4, 2), "age": nn.Linear(4, 1, bias=False)})
    >>> heads["age"], list(heads)
    (Linear(in_features=4, out_features=1, bias=False), ['name', 'age'])
    >>> [name for name, _ in heads.named_parameters()]
    ['name.weight', 'name.bias', 'age.weight']
    """

    def __init__(self, modules: Mapping[str, Module] | None = None) -> None:
        super().__init__()
        self.update(modules or {})

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("a ModuleDict cannot be called: call the modules in it")

    def update(self, modules: Mapping[str, Module]) -> None:
        """Put each of these modules under its name, in place of one that has it."""
        for name, module in modules.items():
            self[name] = module

    def pop(self, key: str) -> Module:
        """Take the module of that name out, and return it."""
        module = self[key]
        del self[key]
        return module

    def keys(self) -> KeysView[str]:
        """The names."""
        return dict(self._own_modules()).keys()

    def values(self) -> ValuesView[Module]:
        """The modules."""
        return dict(self._own_modules()).values()

    def items(self) -> ItemsView[str, Module]:
        """The names with their modules."""
        return dict(self._own_modules()).items()

    def __len__(self) -> int:
        return len(self._own_modules())

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __contains__(self, key: object) -> bool:
        return key in self.keys()

    def __getitem__(self, key: str) -> Module:
        found = dict(self._own_modules())
        if key not in found:
            raise KeyError(f"there is no module {key!r} in a ModuleDict of {', '.join(map(repr, found))}")
        return found[key]

    def __setitem__(self, key: str, module: Module) -> None:
        if not isinstance(module, Module):
            raise _no_module("ModuleDict", f"{key!r} is", module)
        self.add_module(key, module)

    def __delitem__(self, key: str) -> None:
        self.__getitem__(key)
        delattr(self, key)


class ParameterList(Module):
    """A list of parameters, which are found; what is a tensor and no parameter is made one.

    >>> import minigrad as mg
    >>> weights = ParameterList([mg.ones(2), mg.zeros(3)])
    >>> weights
    ParameterList(0: (2,), 1: (3,))
    >>> len(weights), [name for name, p in weights.named_parameters()]
    (2, ['0', '1'])
    """

    def __init__(self, values: Iterable[Any] = ()) -> None:
        super().__init__()
        self.extend(values)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("a ParameterList cannot be called: use the parameters in it")

    def extra_repr(self) -> str:
        return ", ".join(f"{name}: {param.shape}" for name, param in self._own_parameters())

    def append(self, value: Any) -> Self:
        """Put a parameter at the end. Returns the list itself."""
        self.register_parameter(str(len(self)), value if isinstance(value, Parameter) else Parameter(value))
        return self

    def extend(self, values: Iterable[Any]) -> Self:
        """Put parameters at the end. Returns the list itself."""
        for value in list(values):
            self.append(value)
        return self

    def __len__(self) -> int:
        return len(self._own_parameters())

    def __iter__(self) -> Iterator[Parameter]:
        return (param for _, param in self._own_parameters())

    def __getitem__(self, index: int) -> Parameter:
        return self._at(index)[1]

    def __setitem__(self, index: int, value: Any) -> None:
        name, _ = self._at(index)
        self.register_parameter(name, value if isinstance(value, Parameter) else Parameter(value))

    def _at(self, index: int) -> tuple[str, Parameter]:
        try:
            return self._own_parameters()[index]
        except IndexError:
            raise IndexError(f"there is no parameter {index} in a ParameterList of {len(self)}") from None


class ParameterDict(Module):
    """A dict of parameters, which are found; what is a tensor and no parameter is made one.

    >>> import minigrad as mg
    >>> weights = ParameterDict({"left": mg.ones(2), "right": mg.zeros(3)})
    >>> weights
    ParameterDict(left: (2,), right: (3,))
    >>> "left" in weights, [name for name, p in weights.named_parameters()]
    (True, ['left', 'right'])
    """

    def __init__(self, parameters: Mapping[str, Any] | Iterable[tuple[str, Any]] | None = None) -> None:
        super().__init__()
        self.update(parameters or {})

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("a ParameterDict cannot be called: use the parameters in it")

    def extra_repr(self) -> str:
        return ", ".join(f"{name}: {param.shape}" for name, param in self._own_parameters())

    def update(self, parameters: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> None:
        """Put each of these under its name, in place of one that has it."""
        for name, value in dict(parameters).items():
            self[name] = value

    def get(self, key: str, default: Any = None) -> Any:
        """The parameter of that name, or else the default."""
        return dict(self.items()).get(key, default)

    def setdefault(self, key: str, default: Any) -> Parameter:
        """The parameter of that name; if there is none, the default is put there."""
        if key not in self:
            self[key] = default
        return self[key]

    def clear(self) -> None:
        """Take all out."""
        for key in self.keys():
            del self[key]

    def pop(self, key: str) -> Parameter:
        """Take the parameter of that name out, and return it."""
        param = self[key]
        del self[key]
        return param

    def keys(self) -> KeysView[str]:
        """The names."""
        return dict(self._own_parameters()).keys()

    def values(self) -> ValuesView[Parameter]:
        """The parameters."""
        return dict(self._own_parameters()).values()

    def items(self) -> ItemsView[str, Parameter]:
        """The names with their parameters."""
        return dict(self._own_parameters()).items()

    def __len__(self) -> int:
        return len(self._own_parameters())

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __reversed__(self) -> Iterator[str]:
        return reversed(list(self.keys()))

    def __contains__(self, key: object) -> bool:
        return key in self.keys()

    def __getitem__(self, key: str) -> Parameter:
        found = dict(self._own_parameters())
        if key not in found:
            raise KeyError(f"there is no parameter {key!r} in a ParameterDict of {', '.join(map(repr, found))}")
        return found[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.register_parameter(key, value if isinstance(value, Parameter) else Parameter(value))

    def __delitem__(self, key: str) -> None:
        self.__getitem__(key)
        delattr(self, key)
