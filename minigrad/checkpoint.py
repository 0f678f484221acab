"""Checkpoints: compute a part of the forward pass a second time instead of keeping its values.

The nodes of the part are recorded as ever, but each kept value is replaced by its number in the order of keeping.
When the walk back asks for the first of them, the part is run again, what it keeps this time is collected, and
every number is given its value. Source: ``torch.utils.checkpoint`` without re-entrance; the idea is T. Chen and
others, "Training deep nets with sublinear memory cost", 2016.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from minigrad.generator import common
from minigrad.kernels import Array
from minigrad.modes import Packed, Saver, Switch, current_mode
from minigrad.tensor import Tensor

Function = Callable[..., Any]


def checkpoint(function: Function, *args: Any, use_reentrant: bool = False, **kwargs: Any) -> Any:
    """``function(*args, **kwargs)``, whose values are not kept for the walk back but computed again in it.

    Memory for time: of the part, only the arguments are kept, and its forward pass runs twice. The second run
    starts from the same random numbers and in the same modes. Parameters that the function uses, checkpoints
    within it, ``mg.grad``, ``create_graph`` and ``retain_graph`` work as without; under ``retain_graph`` what was
    computed again stays until the graph is freed.

    Args:
        function: computes the same whenever it is called, and changes none of its arguments in place.
        args, kwargs: what it is called with.
        use_reentrant: False, as PyTorch asks one to say.

    Returns:
        What the function returns.

    Raises:
        TypeError: ``function`` cannot be called. ValueError: ``use_reentrant``, PyTorch's older way.
        RuntimeError: from the walk back, if an argument or a value that the function kept has been changed in
            place since, or if the second run keeps other values, by number, shape or dtype, than the first.

    >>> import minigrad as mg
    >>> def part(x):
    ...     print("run")
    ...     return (x * x).exp()
    >>> x = mg.tensor(0.5, requires_grad=True)
    >>> y = checkpoint(part, x)
    run
    >>> y.backward()
    run
    >>> x.grad
    tensor(1.2840)
    """
    if not callable(function):
        raise TypeError(f"checkpoint() expects a function, got {type(function).__name__}")
    if use_reentrant:
        raise ValueError("checkpoint() supports use_reentrant=False only")
    if not current_mode().records:
        return function(*args, **kwargs)
    part = _Part(function, args, kwargs)
    with Switch(saver=(part.pack, _Number.unpack)):
        result = function(*args, **kwargs)
    part.is_complete = True
    return result


class _Part:
    """A call of a function that can be made again. What its nodes keep leads here, and nothing here leads back."""

    def __init__(self, function: Function, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        mode = current_mode()
        self.modes = {name: getattr(mode, name) for name in ("grad", "inference", "lean", "target")}
        self.random = common.numpy.bit_generator.state
        self.function = function
        self.args = [_argument(f"argument {i}", value, mode.saver) for i, value in enumerate(args)]
        self.kwargs = {name: _argument(f"argument {name!r}", value, mode.saver) for name, value in kwargs.items()}
        self.numbers: list[weakref.ref[_Number]] = []
        self.kinds: list[str] = []  # shape and dtype of each kept value
        self.is_complete = False  # not while the first run is under way, which may take a gradient itself

    def pack(self, t: Tensor) -> _Number:
        """Keep the next number instead of a value."""
        number = _Number(self, t)
        self.numbers.append(weakref.ref(number))
        self.kinds.append(_kind(t))
        return number

    def run_again(self) -> None:
        """Give every number that is still needed its value. Nothing is changed by a run that fails."""
        values: list[Tensor] = []

        def collect(t: Tensor) -> Tensor:
            values.append(t)
            return t

        args = [each.tensor() if isinstance(each, _Argument) else each for each in self.args]
        kwargs = {
            name: each.tensor() if isinstance(each, _Argument) else each for name, each in self.kwargs.items()
        }
        present = common.numpy.bit_generator.state
        common.numpy.bit_generator.state = self.random
        try:
            with Switch(**self.modes, saver=(collect, lambda t: t)):
                self.function(*args, **kwargs)
        finally:
            common.numpy.bit_generator.state = present
        self.check([_kind(t) for t in values])
        for reference, t in zip(self.numbers, values, strict=False):
            number = reference()
            if number is not None:
                number.value, number.again = t, _Unchanged("a value that it kept", t)

    def check(self, kinds: list[str]) -> None:
        """Raise RuntimeError if the second run kept anything else."""
        name = getattr(self.function, "__qualname__", type(self.function).__name__)
        cause = f"{name} must compute the same whenever it is called, with the same tensors"
        if len(kinds) < len(self.kinds) or (self.is_complete and len(kinds) > len(self.kinds)):
            raise RuntimeError(
                f"checkpoint(): the first run kept {len(self.kinds)} values, the second {len(kinds)}: {cause}"
            )
        for i, (first, second) in enumerate(zip(self.kinds, kinds, strict=False)):
            if first != second:
                raise RuntimeError(
                    f"checkpoint(): kept value {i} was {first} in the first run, {second} in the second: {cause}"
                )


class _Number:
    """What a node holds in place of a kept value; from the second run on, with the value."""

    __slots__ = ("__weakref__", "again", "first", "part", "value")

    def __init__(self, part: _Part, t: Tensor) -> None:
        self.part, self.first = part, _Unchanged("a value that it kept", t)
        self.value: Tensor | None = None
        self.again: _Unchanged | None = None

    def unpack(self) -> Tensor:
        """The value."""
        if self.value is None:
            self.part.run_again()
        assert self.value is not None
        assert self.again is not None
        self.first.check()
        self.again.check()
        return self.value


class _Argument:
    """A tensor that the function was called with; hooks around the checkpoint may store it their way."""

    def __init__(self, name: str, t: Tensor, saver: Saver | None) -> None:
        self.kept: Array | Packed = Packed(saver, t) if saver else t.array
        self.unchanged, self.requires_grad = _Unchanged(name, t), t.requires_grad

    def tensor(self) -> Tensor:
        """The tensor, as a leaf: the graph of the second run is dropped."""
        self.unchanged.check()
        array = self.kept.unpack().array if isinstance(self.kept, Packed) else self.kept
        return Tensor.of(array, None, self.unchanged.version).requires_grad_(self.requires_grad)


class _Unchanged:
    """Whether a tensor is as it was."""

    __slots__ = ("kind", "seen", "version", "what")

    def __init__(self, what: str, t: Tensor) -> None:
        self.what, self.kind = what, _kind(t)
        self.version, self.seen = t.version, t.version.value

    def check(self) -> None:
        """Raise RuntimeError if it has been changed in place."""
        if self.version.value != self.seen:
            raise RuntimeError(
                f"checkpoint(): {self.what}, {self.kind}, has been changed in place since the function ran: "
                "change a clone(), or change it after backward()"
            )


def _argument(name: str, value: Any, saver: Saver | None) -> Any:
    return _Argument(name, value, saver) if isinstance(value, Tensor) else value


def _kind(t: Tensor) -> str:
    return f"{t.dtype} of shape {t.shape}"
