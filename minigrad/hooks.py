"""Hooks: functions of the user's that see a gradient on its way, and may replace it, until they are removed."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from minigrad.graph import Gradients
    from minigrad.tensor import Tensor

Hook = Callable[..., Any]

_numbers = itertools.count()  # of the handles


class Handle:
    """What registering a hook gives. It removes the hook, when told to or at the end of a ``with`` block.

    >>> import minigrad as mg
    >>> x = mg.tensor(2.0, requires_grad=True)
    >>> with x.register_hook(lambda gradient: gradient * 10):
    ...     (x * x).backward()
    >>> x.grad
    tensor(40.)
    """

    __slots__ = ("hooks", "number")

    def __init__(self, hooks: dict[int, Hook]) -> None:
        self.hooks, self.number = hooks, next(_numbers)  # and nothing leads from the hooks back to a handle

    def remove(self) -> None:
        """Remove the hook; to do so twice does no harm."""
        self.hooks.pop(self.number, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.remove()


def register(hooks: dict[int, Hook], hook: Hook) -> Handle:
    """Put ``hook`` behind the others. Raises TypeError if it cannot be called."""
    if not callable(hook):
        raise TypeError(f"a hook is a function, got {hook!r}")
    handle = Handle(hooks)
    hooks[handle.number] = hook
    return handle


class Hooks:
    """The hooks of one node, or of one leaf; they run in the order in which they were registered."""

    __slots__ = ("after", "before", "gradient")

    def __init__(self) -> None:
        self.gradient: dict[int, Hook] = {}  # gradient of the tensor -> another, or None
        self.before: dict[int, Hook] = {}  # (gradient of the output,) -> others, or None
        self.after: dict[int, Hook] = {}  # of a node: gradients of the inputs, and of the output, -> others

    def arriving(self, gradient: Tensor, *, is_shared: bool = True) -> Tensor:
        """The gradient that the hooks make of the one that has arrived; one that is shared must stay as it is."""
        for hook in tuple(self.gradient.values()):
            with _watched(hook, gradient if is_shared else None):
                new = hook(gradient)
            gradient = _checked(hook, (gradient,), (new,))[0]  # type: ignore[assignment]
        for hook in tuple(self.before.values()):
            with _watched(hook, gradient):
                new = hook((gradient,))
            gradient = _checked(hook, (gradient,), new)[0]  # type: ignore[assignment]
        return gradient

    def leaving(self, gradients: Gradients, gradient: Tensor) -> Gradients:
        """The gradients of the inputs that the hooks make of those that the rule gave."""
        for hook in tuple(self.after.values()):
            with _watched(hook, gradient, *gradients):
                new = hook(gradients, (gradient,))
            gradients = _checked(hook, gradients, new)
        return gradients


@contextmanager
def _watched(hook: Hook, *gradients: Tensor | None) -> Iterator[None]:
    """Raise RuntimeError if the hook changes one of the gradients in place: another path may have the same one."""
    versions = [g.version for g in gradients if g is not None]
    seen = [version.value for version in versions]
    yield
    if [version.value for version in versions] != seen:
        raise RuntimeError(
            f"the hook {_name(hook)} changed a gradient in place, which others may have too: return a new tensor"
        )


def _checked(hook: Hook, old: Gradients, new: Any) -> Gradients:
    """What a hook returned, if it fits; None leaves a gradient, or all of them, as they were."""
    if new is None:
        return old
    if not isinstance(new, tuple) or len(new) != len(old):
        raise RuntimeError(f"the hook {_name(hook)} must return None or {len(old)} gradients, it returned {new!r}")
    for before, after in zip(old, new, strict=True):
        if before is None or after is None:
            continue
        if type(after) is not type(before) or (after.shape, after.dtype) != (before.shape, before.dtype):
            raise RuntimeError(
                f"the hook {_name(hook)} must return None or a tensor of shape {before.shape} and dtype "
                f"{before.dtype}, it returned {after!r}"
            )
    return tuple(before if after is None else after for before, after in zip(old, new, strict=True))


def _name(hook: Hook) -> str:
    return getattr(hook, "__qualname__", repr(hook))
