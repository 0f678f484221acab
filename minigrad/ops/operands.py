"""Operands made fit for a kernel, or refused: dtypes promoted, shapes and dims checked, before anything runs."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad import dtypes, graph, kernels, mistakes
from minigrad.dtypes import DType
from minigrad.graph import Op, record
from minigrad.kernels import Array

if TYPE_CHECKING:
    from minigrad.tensor import Tensor

Number = float | int | bool | np.generic
Dim = int | Sequence[int] | None  # of a reduction: one, several, or all

_LARGEST_FLOAT32 = float(np.finfo(np.float32).max)


class To(Op):
    """y = x as another dtype"""

    def __init__(self, dtype: DType) -> None:
        self.to = dtype
        self.is_differentiable = dtype.kind == "f"  # type: ignore[misc]

    def forward(self, kernels: Any, x: Array) -> Array:
        return kernels.cast(x, self.to)  # type: ignore[no-any-return]

    def backward(self, dy: Tensor) -> tuple[Tensor | None]:
        return (cast(dy, self.edges[0].dtype),)


def cast(x: Tensor, dtype: DType) -> Tensor:
    """``x`` as another dtype; itself, if it has that one already."""
    return x if x.dtype == dtype else record(To(dtype), x)


def as_dtype(x: Tensor, dtype: Any) -> Tensor:
    """``x`` as ``dtype``, where a user gave one."""
    return x if dtype is None else cast(x, dtypes.dtype(dtype))


def tensor(name: str, x: Any) -> Tensor:
    """``x``, which must be a tensor."""
    if not isinstance(x, graph.tensor_class):
        raise TypeError(f"{name}() expects a Tensor, got {type(x).__name__}")
    return x


def one_device(name: str, *operands: Any) -> None:
    """Raise RuntimeError for tensors on several devices; one without dims, a number, fits every device."""
    if kernels.placed:
        found = [t for t in operands if isinstance(t, graph.tensor_class) and t.ndim]
        if len({t.device for t in found}) > 1:
            raise mistakes.apart(name, found)


def floating(name: str, x: Any) -> Tensor:
    """``x`` with a float dtype: integers and bools become float32."""
    x = tensor(name, x)
    return x if x.array.dtype.kind == "f" else cast(x, dtypes.float32)


def number(name: str, x: Any) -> Tensor:
    """``x``, a tensor of integers or floats: what has a size, a sign, a remainder."""
    found = tensor(name, x)
    if found.array.dtype == dtypes.bool_:
        raise TypeError(f"{name}: x must not be bool: use x.to(mg.uint8)")
    return found


def only_floats(name: str, x: Tensor) -> Tensor:
    """``x``, which must have a float dtype already."""
    if x.dtype.kind != "f":
        raise TypeError(f"{name}: x must be of floats, it is {x.dtype}: use x.float()")
    return x


def zeros_like(x: Tensor) -> Tensor:
    """The gradient of what is constant between jumps."""
    return graph.tensor_class.of(kernels.full_like(x.array, 0))


def pair(name: str, x: Tensor | Number, y: Tensor | Number) -> tuple[Tensor, Tensor]:
    """Two operands of one dtype whose shapes broadcast. One of them may be a Python number."""
    if not isinstance(x, graph.tensor_class):
        y, x = _beside_number(name, tensor(name, y), x)
        return x, y
    if not isinstance(y, graph.tensor_class):
        return _beside_number(name, x, y)
    if x.array.shape != y.array.shape:
        broadcast(name, x.shape, y.shape)
    if x.array.dtype != y.array.dtype:
        dtype = _common(x, y)
        x, y = cast(x, dtype), cast(y, dtype)
    return x, y


def several(name: str, *operands: Tensor | Number) -> tuple[Tensor, ...]:
    """Operands of one dtype whose shapes broadcast. Any of them may be a Python number."""
    kinds: tuple[list[DType], ...] = ([], [], [])
    for x in operands:
        rank = 2 if not isinstance(x, graph.tensor_class) else 0 if x.ndim else 1
        kinds[rank].append(dtype_of(name, x))
    broadcast(name, *(x.shape for x in operands if isinstance(x, graph.tensor_class)))
    dtype = dtypes.bool_
    for kind in kinds:  # arrays decide, then tensors without dimensions, then numbers
        found = functools.reduce(dtypes.promote_types, kind, dtypes.bool_)
        dtype = dtype if dtypes.yields_to(found, dtype) else found
    return tuple(
        cast(x, dtype) if isinstance(x, graph.tensor_class) else scalar(name, plain(name, x), dtype)
        for x in operands
    )


def _beside_number(name: str, x: Tensor, value: Any) -> tuple[Tensor, Tensor]:
    """``x``, and the number as a tensor of no dimensions, both of the dtype that results."""
    value = plain(name, value)
    own = dtypes.of_number(value)
    dtype = x.dtype if dtypes.yields_to(own, x.dtype) else own
    return cast(x, dtype), scalar(name, value, dtype)


def dtype_of(name: str, x: Any) -> DType:
    """The dtype of an operand, a tensor or a Python number, on its own."""
    found: DType = x.dtype if isinstance(x, graph.tensor_class) else dtypes.of_number(plain(name, x))
    return found


def plain(name: str, value: Any) -> float:
    """The number of Python that ``value`` must be, or of NumPy."""
    if isinstance(value, np.generic):
        value = value.item()
    if not isinstance(value, (bool, int, float)):
        raise TypeError(
            f"{name}() expects tensors and Python numbers, got {type(value).__name__}: "
            "mg.tensor() and mg.from_numpy() make tensors"
        )
    return value


def scalar(name: str, value: float, dtype: DType) -> Tensor:
    """A Python number as a tensor of no dimensions. Raises OverflowError where an integer dtype cannot hold it."""
    if dtype == dtypes.float32 and abs(value) > _LARGEST_FLOAT32:
        value = math.copysign(math.inf, value)  # NumPy would do the same, and warn
    try:
        array = np.asarray(value, dtype)
    except (OverflowError, ValueError):  # too large, or NaN
        raise OverflowError(f"{name}: the number {value} does not fit into {dtype}") from None
    return graph.tensor_class.of(array)


def parameter(name: str, what: str, value: Any) -> float:
    """A parameter of an operation, which must be a number of Python or NumPy, as a float."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.number)):
        raise TypeError(f"{name}: {what} must be a number, got {value!r}")
    return float(value)


def above_zero(name: str, what: str, value: Any) -> float:
    """A parameter that must be above 0."""
    found = parameter(name, what, value)
    if not found > 0:  # written so that NaN is refused too
        raise ValueError(f"{name}: {what} must be above 0, got {found:g}")
    return found


def not_below_zero(name: str, what: str, value: Any) -> float:
    """A parameter that must be 0 or above."""
    found = parameter(name, what, value)
    if not found >= 0:
        raise ValueError(f"{name}: {what} must not be below 0, got {found:g}")
    return found


def at_most_one(name: str, what: str, value: Any) -> float:
    """A parameter that must lie in [0, 1]."""
    found = parameter(name, what, value)
    if not 0 <= found <= 1:
        raise ValueError(f"{name}: {what} must lie in [0, 1], got {found:g}")
    return found


def divisor(name: str, what: str, value: Any) -> float:
    """A parameter that must not be 0, nor NaN."""
    found = parameter(name, what, value)
    if not found or math.isnan(found):
        raise ValueError(f"{name}: {what} is divided by, so it must not be {found:g}")
    return found


def _common(x: Tensor, y: Tensor) -> DType:
    if x.ndim and not y.ndim and dtypes.yields_to(y.dtype, x.dtype):
        return x.dtype
    if y.ndim and not x.ndim and dtypes.yields_to(x.dtype, y.dtype):
        return y.dtype
    return dtypes.promote_types(x.dtype, y.dtype)


@functools.lru_cache(4096)
def broadcast(name: str, *shapes: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that the shapes broadcast to."""
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        listed = " and ".join(map(str, shapes))
        raise ValueError(
            f"{name}: the shapes {listed} do not broadcast: compared from the right, "
            "two sizes must be equal, or one of them 1"
        ) from None


def one_dim(name: str, dim: int, ndim: int) -> int:
    """``dim`` counted from the front. A 0-d tensor counts as having one dimension, as in PyTorch."""
    n = max(ndim, 1)
    try:
        dim = operator.index(dim)
    except TypeError:
        raise TypeError(f"{name}: dim must be an int, got {type(dim).__name__}") from None
    if not -n <= dim < n:
        raise IndexError(f"{name}: dim {dim} is out of range for {ndim} dimensions (use {-n} to {n - 1})")
    return dim % n


def many_dims(name: str, dim: Dim, ndim: int) -> tuple[int, ...]:
    """``dim`` as a tuple counted from the front; None and () mean all."""
    given = () if dim is None else dim if type(dim) is not int and isinstance(dim, Sequence) else (dim,)
    if not given:
        return tuple(range(ndim))
    dims = tuple([one_dim(name, d, ndim) for d in given])
    if len(set(dims)) < len(dims):
        raise ValueError(f"{name}: dim {tuple(dim)} names a dimension twice")  # type: ignore[arg-type]
    return dims if ndim else ()


def sizes(name: str, shape: tuple[Any, ...]) -> tuple[int, ...]:
    """The sizes of ``f(2, 3)`` or ``f((2, 3))`` as a tuple."""
    if len(shape) == 1 and type(shape[0]) is not int and isinstance(shape[0], Sequence):
        shape = tuple(shape[0])
    try:
        return tuple(map(operator.index, shape))
    except TypeError:
        raise TypeError(f"{name}: sizes must be ints, got {shape}") from None


def integer(name: str, value: Any) -> int:
    """``value`` as an int of Python."""
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{name}() expects an int, got {value!r}") from None
