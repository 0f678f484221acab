"""New tensors with the dtype and on the device of another: ``x.new_zeros(2, 3)`` is zeros beside ``x``.

The functions are methods of :class:`Tensor`; ``methods.py`` gives them their names. They call ``creation.py``,
which needs tensors to be there, and so import it only when they are called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from minigrad.creation import Size
    from minigrad.tensor import Tensor


def new_tensor(
    t: Tensor, data: Any, *, dtype: Any = None, device: str | None = None, requires_grad: bool = False
) -> Tensor:
    """:func:`mg.tensor` with the dtype and device of this one.

    >>> import minigrad as mg
    >>> mg.ones(1, dtype=mg.float64).new_tensor([1, 2])
    tensor([1., 2.], dtype=float64)
    """
    from minigrad import creation

    return creation.tensor(data, **_options(t, dtype, device, requires_grad))


def new_full(
    t: Tensor,
    size: Size,
    fill_value: float,
    *,
    dtype: Any = None,
    device: str | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """:func:`mg.full` with the dtype and device of this one."""
    from minigrad import creation

    return creation.filled("new_full", size, fill_value, **_options(t, dtype, device, requires_grad))


def new_empty(
    t: Tensor, *size: Size, dtype: Any = None, device: str | None = None, requires_grad: bool = False
) -> Tensor:
    """:func:`mg.empty` with the dtype and device of this one."""
    from minigrad import creation

    return creation.empty(*size, **_options(t, dtype, device, requires_grad))


def new_zeros(
    t: Tensor, *size: Size, dtype: Any = None, device: str | None = None, requires_grad: bool = False
) -> Tensor:
    """:func:`mg.zeros` with the dtype and device of this one."""
    from minigrad import creation

    return creation.zeros(*size, **_options(t, dtype, device, requires_grad))


def new_ones(
    t: Tensor, *size: Size, dtype: Any = None, device: str | None = None, requires_grad: bool = False
) -> Tensor:
    """:func:`mg.ones` with the dtype and device of this one."""
    from minigrad import creation

    return creation.ones(*size, **_options(t, dtype, device, requires_grad))


def _options(t: Tensor, dtype: Any, device: str | None, requires_grad: bool) -> dict[str, Any]:
    return {
        "dtype": t.dtype if dtype is None else dtype,
        "device": t.device if device is None else device,
        "requires_grad": requires_grad,
    }
