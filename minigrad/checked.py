"""The kernels as an operation of a user's own sees them: every call is checked before it runs.

Kernels trust their arguments. Given a shape that does not fit, machine code reads memory that is not the array's,
and answers with whatever is there. Operations of minigrad's own check their operands in ``ops/``; for any other,
:func:`careful` stands around ``forward``, gives it kernels that check, and looks at what it returns.

What only moves elements is NumPy's work on the CPU, which checks it.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad import kernels
from minigrad.checked_shapes import RULES, Values, broadcast
from minigrad.dtypes import RANK, DType, bool_, float64, int64

if TYPE_CHECKING:
    from minigrad.graph import Op


def careful(forward: Callable[..., Any]) -> Callable[..., Any]:
    """``forward`` with kernels that check their arguments, and a check of the memory that its result is in."""

    @functools.wraps(forward)
    def run(op: Op, kernels: Any, *arrays: Any) -> Any:
        if isinstance(kernels, Checked):  # the forward of a subclass calls this one
            return forward(op, kernels, *arrays)
        result = forward(op, checked(kernels), *arrays)
        for i, x in enumerate(arrays):
            if _share_memory(result, x) and not (op.is_view and i == 0):
                raise ValueError(
                    f"the forward of {op} returned memory of its input {_at(op.inputs, i)}, so a change of one in "
                    "place would change the other unnoticed: return a copy"
                    + (", or set is_view = True in the class body" if i == 0 else "")
                )
        return result

    return run


def _at(names: tuple[str, ...], i: int) -> str:
    return names[i] if i < len(names) else str(i)


def _share_memory(result: Any, x: Any) -> bool:
    if result is x or isinstance(result, np.ndarray) is isinstance(x, np.ndarray) is True:
        return result is x or np.may_share_memory(result, x)
    if getattr(result, "base", None) is None:  # a pending array is not asked for its memory
        return False
    return kernels.is_seen(result) == kernels.is_seen(x) and kernels.share_memory(result, x)


class Checked:
    """The kernels of a target, each of which looks at its arguments first."""

    def __init__(self, target: Any) -> None:
        self._target = target

    def __getattr__(self, name: str) -> Any:
        kernel = getattr(self._target, name)
        if not hasattr(kernels.load("reference"), name):
            return kernel
        contract = Contract(name)

        def call(*given: Any, **named: Any) -> Any:
            if contract.is_usual(given) and not named:
                return kernel(*given)
            values = contract.checked(given, named)
            return kernel(
                *[values[each] for each in contract.positional], **{each: values[each] for each in contract.named}
            )

        setattr(self, name, call)  # so that the next call finds it at once
        return call


checked = functools.cache(Checked)


# -- what a kernel takes --------------------------------------------------------------------------------------

NUMBER = 3  # what decides last on the dtype

#: Operands that have a dtype of their own, beside the one of all others.
DTYPES: dict[str, dict[str, DType]] = {
    "where": {"condition": bool_},
    "cross_entropy": {"y": int64},
    "cross_entropy_backward": {"y": int64},
    "max_pool": {"index": int64},
    "max_pool_backward": {"index": int64},
    "resample": {"index": int64, "weight": float64},
    "resample_backward": {"index": int64, "weight": float64},
}


class Contract:
    """What a kernel may be called with; which of its parameters are arrays is read from the reference."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.signature = inspect.signature(getattr(kernels.load("reference"), name))
        parameters = self.signature.parameters.values()
        self.named = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]
        self.positional = [p.name for p in parameters if p.kind is not p.KEYWORD_ONLY]
        self.arrays = {p.name: p.annotation for p in parameters if p.annotation in ("Array", "Array | None")}
        self.dims = [p.name for p in parameters if self.arrays and p.name in ("dim", "dim1", "dim2", "dims")]
        self.dtypes, self.rule = DTYPES.get(name, {}), RULES.get(name)
        self.is_elementwise = len(self.arrays) == len(parameters) and not (self.dtypes or self.rule)

    def is_usual(self, given: tuple[Any, ...]) -> bool:
        """Whether all are plain arrays of one shape and dtype, and nothing else matters: seen in a microsecond."""
        if not self.is_elementwise or len(given) != len(self.arrays):
            return False
        first = given[0]
        for x in given:
            if type(x) is not np.ndarray or x.shape != first.shape or x.dtype != first.dtype:
                return False
        return True

    def checked(self, given: tuple[Any, ...], named: dict[str, Any]) -> dict[str, Any]:
        """The arguments by name, numbers as arrays, dims counted from the front. Raises for what does not fit."""
        if named or self.named or len(given) != len(self.positional):
            try:
                values = dict(self.signature.bind(*given, **named).arguments)
            except TypeError as error:
                takes = ", ".join([*self.positional, *self.named])
                raise TypeError(f"kernels.{self.name}({takes}): {error}") from None
        else:
            values = dict(zip(self.positional, given, strict=True))
        arrays = self.as_arrays(values)
        values.update(arrays)
        for name in self.dims:
            values[name] = self.counted(name, values)
        if self.rule is not None:
            text, fits = self.rule
            if not fits(values):
                raise self.misfit(arrays, f"must be {text}")
        elif len(arrays) > 1 and not broadcast(*[x.shape for x in arrays.values()]):
            raise self.misfit(arrays, "do not broadcast")
        return values

    def misfit(self, arrays: Values, what: str) -> ValueError:
        """The error for shapes that do not go together."""
        listed = ", ".join(f"{name} {tuple(x.shape)}" for name, x in arrays.items())
        return ValueError(f"kernels.{self.name}: {listed} {what}")

    def as_arrays(self, values: Values) -> dict[str, Any]:
        """The operands as arrays of one dtype: numbers take on that of the arrays beside them."""
        found = {
            name: self.as_array(name, values[name])
            for name, annotation in self.arrays.items()
            if values[name] is not None or annotation == "Array"
        }
        alike = {name: _rank(values[name]) for name in found if name not in self.dtypes}
        if not alike or any(x.dtype.kind == "c" for x in found.values()):  # a complex step: NumPy takes any
            return found
        leader = min(alike, key=lambda name: alike[name])
        if alike[leader] == NUMBER:
            raise TypeError(f"kernels.{self.name}: {leader} must be an array, got the number {values[leader]}")
        for name, x in found.items():
            dtype, whose = found[leader].dtype, f"but {leader}"
            yields = alike.get(name, 0) > 0
            if name not in alike:
                dtype, whose = self.dtypes[name], "but must be"
                yields = _rank(values[name]) == NUMBER
            if x.dtype != dtype:
                found[name] = self.of_dtype(name, x, dtype, whose, yields)
        if kernels.placed and len({kernels.device_of(x) for x in found.values() if x.ndim}) > 1:
            listed = ", ".join(f"{name} on {kernels.device_of(x)}" for name, x in found.items())
            raise RuntimeError(f"kernels.{self.name}: its arrays are on different devices, {listed}")
        return found

    def as_array(self, name: str, x: Any) -> Any:
        """``x`` as a plain array: kernels would misread one of another class."""
        if type(x) is np.ndarray or type(x) in kernels.placed:
            return x
        if not isinstance(x, (np.ndarray, np.generic, bool, int, float)):
            raise TypeError(f"kernels.{self.name}: {name} must be an array or a number, got {x!r:.60}")
        return x if isinstance(x, np.ndarray) and x.dtype.kind == "c" else np.asarray(x)

    @kernels.quiet  # what float32 cannot hold becomes Inf
    def of_dtype(self, name: str, x: Any, dtype: DType, whose: str, yields: bool) -> Any:
        """``x`` in a dtype that it takes on, if it is a number. Raises where it cannot."""
        if not yields or RANK.get(x.dtype.kind, 3) > RANK.get(dtype.kind, 2):
            raise TypeError(
                f"kernels.{self.name}: {name} is {x.dtype}, {whose} {dtype}: "
                "change one with kernels.cast(array, dtype)"
            )
        if not kernels.is_seen(x):
            return kernels.load("cuda").cast(x, dtype)
        found = x.astype(dtype)
        if dtype.kind in "iu" and found != x:
            raise OverflowError(f"kernels.{self.name}: the number {x} does not fit into {dtype}")
        return found

    def counted(self, name: str, values: Values) -> Any:
        """A dim, or several, counted from the front."""
        of_shape = self.name in ("diagonal_backward", "unfold_backward")
        ndim = len(values["shape"]) if of_shape else values[next(iter(self.arrays))].ndim
        given = values[name]
        dims = (given,) if isinstance(given, (int, np.integer)) else tuple(given)
        is_twice = self.name != "roll" and len({d % max(ndim, 1) for d in dims}) < len(dims)
        if is_twice or any(not -ndim <= d < ndim for d in dims):
            raise IndexError(f"kernels.{self.name}: {name} {given} does not fit an array of {ndim} dimensions")
        found = tuple([int(d) % ndim for d in dims])
        return found if name == "dims" else found[0]


def _rank(x: Any) -> int:
    """Who decides on the dtype: first an array with dims, last a number of Python."""
    if isinstance(x, float | int):
        return NUMBER - isinstance(x, np.generic)  # float64, which is Python's float as well
    return int(not x.ndim)
