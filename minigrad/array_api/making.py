"""Making tensors, with the arguments that the standard gives these functions."""

from __future__ import annotations

from typing import Any

from minigrad import creation, ops
from minigrad.array_api.kinds import astype
from minigrad.mistakes import described
from minigrad.tensor import Tensor

__all__ = ["arange", "asarray", "empty", "empty_like", "eye", "from_dlpack", "full", "full_like"]
__all__ += ["linspace", "meshgrid", "ones", "ones_like", "tril", "triu", "zeros", "zeros_like"]


def asarray(obj: Any, /, *, dtype: Any = None, device: str | None = None, copy: bool | None = None) -> Tensor:
    """A tensor of anything that makes one; a tensor itself, unless another dtype or a copy is asked for."""
    if isinstance(obj, Tensor) and not copy:
        return astype(obj, obj.dtype if dtype is None else dtype, copy=False, device=device)
    if copy is False:
        raise ValueError(f"asarray: {described(obj)} becomes a tensor by copying only: use from_dlpack()")
    return Tensor(obj, dtype, device=device)


def from_dlpack(x: Any, /, *, device: str | None = None, copy: bool | None = None) -> Tensor:
    """A tensor that shares the memory of another library's array, unless ``copy`` is True."""
    return creation.from_dlpack(x).to(device=device, copy=bool(copy))


def arange(
    start: float, /, stop: float | None = None, step: float = 1, *, dtype: Any = None, device: str | None = None
) -> Tensor:
    """Numbers from ``start``, or 0, up to but not including ``stop``."""
    return creation.arange(start, stop, step, dtype=dtype, device=device)


def linspace(
    start: float,
    stop: float,
    /,
    num: int,
    *,
    dtype: Any = None,
    device: str | None = None,
    endpoint: bool = True,
) -> Tensor:
    """``num`` numbers from ``start`` to ``stop``, which is the last, or without ``endpoint`` would be the next."""
    made = creation.linspace(start, stop, num if endpoint else num + 1, dtype=dtype, device=device)
    return made if endpoint else made[:-1]


def eye(
    n_rows: int, n_cols: int | None = None, /, *, k: int = 0, dtype: Any = None, device: str | None = None
) -> Tensor:
    """Ones on the diagonal ``k`` and zeros elsewhere."""
    whole = ones((n_rows, n_rows if n_cols is None else n_cols), dtype=dtype, device=device)
    return ops.triu(ops.tril(whole, k), k)


def full(shape: Any, fill_value: float, *, dtype: Any = None, device: str | None = None) -> Tensor:
    """A tensor of one value."""
    return creation.full(shape, fill_value, dtype=dtype, device=device)


def empty(shape: Any, *, dtype: Any = None, device: str | None = None) -> Tensor:
    """An uninitialised tensor."""
    return creation.empty(shape, dtype=dtype, device=device)


def zeros(shape: Any, *, dtype: Any = None, device: str | None = None) -> Tensor:
    """A tensor of zeros."""
    return full(shape, 0.0, dtype=dtype, device=device)


def ones(shape: Any, *, dtype: Any = None, device: str | None = None) -> Tensor:
    """A tensor of ones."""
    return full(shape, 1.0, dtype=dtype, device=device)


def full_like(x: Tensor, /, fill_value: float, *, dtype: Any = None, device: str | None = None) -> Tensor:
    """A tensor of one value, of the shape and dtype of ``x``, and on its device."""
    return full(x.shape, fill_value, dtype=x.dtype if dtype is None else dtype, device=device or x.device)


def empty_like(x: Tensor, /, *, dtype: Any = None, device: str | None = None) -> Tensor:
    """An uninitialised tensor, of the shape and dtype of ``x``, and on its device."""
    return empty(x.shape, dtype=x.dtype if dtype is None else dtype, device=device or x.device)


def zeros_like(x: Tensor, /, *, dtype: Any = None, device: str | None = None) -> Tensor:
    """Zeros of the shape and dtype of ``x``, on its device."""
    return full_like(x, 0, dtype=dtype, device=device)


def ones_like(x: Tensor, /, *, dtype: Any = None, device: str | None = None) -> Tensor:
    """Ones of the shape and dtype of ``x``, on its device."""
    return full_like(x, 1, dtype=dtype, device=device)


def meshgrid(*arrays: Tensor, indexing: str = "xy") -> tuple[Tensor, ...]:
    """The axes spread over the grid that they span; ``"xy"`` by default, unlike ``mg.meshgrid``."""
    return ops.meshgrid(*arrays, indexing=indexing)


def tril(x: Tensor, /, k: int = 0) -> Tensor:
    """The lower triangle."""
    return ops.tril(x, k)


def triu(x: Tensor, /, k: int = 0) -> Tensor:
    """The upper triangle."""
    return ops.triu(x, k)
