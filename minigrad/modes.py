"""Modes: what recording does in the present thread or task, and where in a model it is.

Both are context variables: every thread and asyncio task has its own, and the old value comes back on leaving.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Container, Mapping
from contextlib import ContextDecorator
from contextvars import ContextVar, Token
from dataclasses import dataclass, field, replace
from types import MappingProxyType, NoneType
from typing import TYPE_CHECKING, Any, Self

from minigrad import kernels
from minigrad.lines import Place, users_place

if TYPE_CHECKING:
    from minigrad.anomaly import Anomaly
    from minigrad.graph import Op
    from minigrad.tensor import Tensor

# -- how operations run ---------------------------------------------------------------------------------------

#: What is told of every operation: the op, its inputs, its output, and the seconds that it took.
Observer = Callable[["Op", tuple["Tensor", ...], "Tensor", float], None]

#: What stores a kept value, and what brings it back.
Saver = tuple[Callable[["Tensor"], Any], Callable[[Any], "Tensor"]]


@dataclass(frozen=True, slots=True)
class Mode:
    """How operations run in the present thread or task."""

    grad: bool = True  # record nodes
    inference: bool = False  # not even count changes
    lean: bool = False  # keep only what backward reads
    target: str = "numba"
    observer: Observer | None = None
    saver: Saver | None = None  # how values are kept, unless in the node itself
    anomaly: Anomaly | None = None  # what is looked for in every result
    walks: bool = False  # within a walk back
    reach: Container[Any] | None = None  # if that walk asks for some inputs, the edges that lead there
    outer: Mode | None = field(default=None, compare=False, repr=False)  # what holds again after this one
    is_set: bool = field(default=False, compare=False, repr=False)  # by a Setting, since it was entered
    inner: dict[Any, Mode] = field(default_factory=dict, compare=False, repr=False)  # entered from here before
    records: bool = field(init=False)  # whether an operation becomes a node, if an input wants a gradient

    def __post_init__(self) -> None:
        object.__setattr__(self, "records", self.grad and not self.inference)

    def but(self, changes: Mapping[str, Any]) -> Mode:
        """A mode with these changes, to be entered from this one, which holds again afterwards.

        Changes of yes and no are few, so their modes are kept: a walk back enters two, and a new one takes 2 us.
        A mode that holds something of the user's keeps none, or a cycle would keep that alive.
        """
        holds = self.observer or self.saver or self.anomaly or self.reach is not None
        if holds or not {bool, NoneType}.issuperset(map(type, changes.values())):
            return replace(self, outer=self, is_set=False, inner={}, **changes)
        key = tuple(changes.items())
        found = self.inner.get(key)
        if found is None:
            found = self.inner[key] = replace(self, outer=self, is_set=False, inner={}, **changes)
        return found

    def having(self, changes: Mapping[str, Any]) -> Mode:
        """This mode with other values, from here on."""
        if all(getattr(self, name) is value for name, value in changes.items()):
            return self
        return replace(self, is_set=True, inner={}, **changes)


#: What a :class:`Setting` can change: it stays when a mode is left that has nothing to do with it.
SETTABLE = ("grad", "target", "anomaly")

_mode: ContextVar[Mode] = ContextVar("minigrad mode", default=Mode())  # noqa: B039 (frozen)

#: The mode in force here; record() asks at every operation, so this is no function of our own.
current_mode: Callable[[], Mode] = _mode.get


class Switch(ContextDecorator):
    """A change of mode, as a context manager and a decorator. Each thread and task has its own mode.

    Leaving brings back what it changed, and nothing else: what a :class:`Setting` set inside stays set.
    """

    changes: Mapping[str, Any]
    restores: frozenset[str] = frozenset()  # names of what comes back besides

    def __init__(self, **changes: Any) -> None:
        self.changes = changes

    def __enter__(self) -> Self:
        _mode.set(_mode.get().but(self.changes))
        return self

    def __exit__(self, *exception: object) -> None:
        now = _mode.get()
        before = now.outer or Mode()
        if now.is_set:
            kept = [name for name in SETTABLE if name not in self.changes and name not in self.restores]
            before = before.having({name: getattr(now, name) for name in kept})
        _mode.set(before)

    def __call__(self, function: Any) -> Any:
        if not callable(function) or inspect.isclass(function):
            raise TypeError(f"{type(self).__name__}() decorates functions, not {function!r}")
        is_late = (inspect.isgeneratorfunction, inspect.iscoroutinefunction, inspect.isasyncgenfunction)
        if any(check(function) for check in is_late):
            raise TypeError(
                f"{type(self).__name__}() cannot decorate {function.__name__}, which returns before its body "
                "runs: use a with statement inside it"
            )
        return super().__call__(function)


class _Plain(Switch):
    """A switch without arguments; a subclass says what it changes."""

    def __init__(self, *arguments: object) -> None:
        if arguments:
            name = f"mg.{type(self).__name__}"
            raise TypeError(f"{name}() takes no arguments; as a decorator, write @{name}()")


class no_grad(_Plain):
    """Record nothing: results need no gradient and keep nothing. A context manager and a decorator.

    >>> import minigrad as mg
    >>> x = mg.tensor(2.0, requires_grad=True)
    >>> with mg.no_grad():
    ...     y = x * x
    >>> y.requires_grad, y.grad_fn
    (False, None)
    """

    changes = MappingProxyType({"grad": False})


class enable_grad(_Plain):
    """Record again, inside a :class:`no_grad`. A context manager and a decorator."""

    changes = MappingProxyType({"grad": True})


class inference_mode(Switch):
    """Like :class:`no_grad`, and do not even count changes: what is made inside can never enter a graph.

    A view of a tensor from outside is an exception: a change of the one is a change of the other, and counted.
    ``inference_mode(False)`` records again, also inside a :class:`no_grad`.
    """

    restores = frozenset({"grad"})

    def __init__(self, mode: bool = True) -> None:
        super().__init__(inference=mode, **({} if mode else {"grad": True}))


class lean_mode(_Plain):
    """Keep only what ``backward`` reads, not what is kept to be seen: less memory, fewer values in pictures."""

    changes = MappingProxyType({"lean": True})


class observe(Switch):
    """Tell ``observer(op, inputs, output, seconds)`` of every operation, recorded or not. One at a time."""

    def __init__(self, observer: Observer) -> None:
        super().__init__(observer=observer)


class saved_tensors_hooks(Switch):
    """Store kept values by functions of your own: on disk, compressed, or not at all.

    ``pack(tensor)`` is given each value as it is kept and returns anything; ``unpack`` is given that and returns
    the tensor, when ``backward`` asks for it. A context manager and a decorator for the forward pass.

    Raises TypeError if one of them cannot be called; RuntimeError, from ``backward``, if ``unpack`` returns
    anything but a tensor of the same shape and dtype.

    >>> import minigrad as mg
    >>> x = mg.tensor(3.0, requires_grad=True)
    >>> with mg.saved_tensors_hooks(lambda t: print("pack", t), lambda _: mg.tensor(5.0)):
    ...     y = x**2
    pack tensor(3.)
    >>> mg.grad(y, x)
    (tensor(10.),)
    """

    def __init__(self, pack_hook: Callable[[Tensor], Any], unpack_hook: Callable[[Any], Tensor]) -> None:
        for hook in (pack_hook, unpack_hook):
            if not callable(hook):
                raise TypeError(f"saved_tensors_hooks expects two functions, got {hook!r}")
        super().__init__(saver=(pack_hook, unpack_hook))


class Packed:
    """A kept value as :func:`saved_tensors_hooks` have stored it."""

    __slots__ = ("kind", "saver", "stored", "tensor")

    def __init__(self, saver: Saver, tensor: Tensor) -> None:
        given = tensor.detach()
        self.saver, self.stored = saver, saver[0](given)
        self.kind, self.tensor = type(given), (given.shape, given.dtype)

    def unpack(self) -> Tensor:
        """The value, from the user's function, which must give back what it was given."""
        found: Tensor = self.saver[1](self.stored)
        if not isinstance(found, self.kind) or (found.shape, found.dtype) != self.tensor:
            raise RuntimeError(
                f"unpack must return the tensor of shape {self.tensor[0]} and dtype {self.tensor[1]} that pack "
                f"was given, it returned {found!r}"
            )
        return found


class Setting(Switch):
    """A switch that acts at once, so that it can be called plainly, and is undone if it was used in a ``with``."""

    def __init__(self, **changes: Any) -> None:
        super().__init__(**changes)
        before = _mode.get()
        self.modes: tuple[Mode, Mode] | None = before, before.having(changes)  # until it is undone
        _mode.set(self.modes[1])

    def __enter__(self) -> Self:
        self._take_back()
        return super().__enter__()

    def __call__(self, function: Any) -> Any:
        self._take_back()
        return super().__call__(function)

    def _take_back(self) -> None:
        if self.modes:
            before, after = self.modes
            now, own = _mode.get(), {name: getattr(before, name) for name in self.changes}
            _mode.set(before if now is after else now.having(own))
        self.modes = None


class set_grad_enabled(Setting):
    """Record or do not, from here on, or inside a ``with set_grad_enabled(flag):``."""

    def __init__(self, mode: bool) -> None:
        super().__init__(grad=bool(mode))


class use_kernels(Setting):
    """Compute with the kernels of a target: ``"numba"``, or ``"reference"``, the same in obvious NumPy.

    Acts from here on, or inside a ``with use_kernels(...)``.

    >>> import minigrad as mg
    >>> with mg.use_kernels("reference"):
    ...     mg.tensor([0.0]).sigmoid()
    tensor([0.5000])
    """

    def __init__(self, target: str) -> None:
        if target not in kernels.TARGETS:
            raise ValueError(f"there are no kernels {target!r}: use one of {', '.join(kernels.TARGETS)}")
        super().__init__(target=target)


def is_grad_enabled() -> bool:
    """Whether operations are recorded now."""
    return _mode.get().records


def is_inference_mode_enabled() -> bool:
    """Whether :class:`inference_mode` is on."""
    return _mode.get().inference


# -- where in the model we are --------------------------------------------------------------------------------


class Scope:
    """A module whose ``forward`` is running, inside the scope of the one that called it.

    Nodes and traces hold it, and names are looked up only when somebody asks, so a module call stays cheap.
    """

    __slots__ = ("_place", "module", "parent")

    def __init__(self, module: Any, parent: Scope | None) -> None:
        self.module, self.parent = module, parent
        self._place: Place | None = None

    def place(self, frames: int) -> Place | None:
        """The user's code that is at work inside, asked while it is; ``frames`` below it are minigrad's.

        A module of minigrad's own runs no code of the user's, unless it has hooks, or another ``forward``: it is
        the line that called it, or called the module around it, which is found once and not for each operation.
        """
        module = self.module
        if not module._is_own or module._hooks or "forward" in vars(module):
            return users_place(frames + 1)
        found = self._place or (self.parent.place(frames + 1) if self.parent else users_place(frames + 1))
        self._place = found
        return found

    @property
    def path(self) -> tuple[Scope, ...]:
        """The scopes from the outermost to this one."""
        return (*(self.parent.path if self.parent else ()), self)


_scope: ContextVar[Scope | None] = ContextVar("minigrad scope", default=None)

#: The scope that a node recorded now would belong to.
current_scope: Callable[[], Scope | None] = _scope.get

#: From here on nodes belong to this scope, until ``leave_scope`` is given what this returns.
set_scope: Callable[[Scope | None], Token[Scope | None]] = _scope.set

leave_scope: Callable[[Token[Scope | None]], None] = _scope.reset
