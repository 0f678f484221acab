"""Conversions: a tensor with another dtype, on another device.

The functions are methods of :class:`Tensor`; ``methods.py`` gives them their names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minigrad import dtypes, graph, kernels
from minigrad.ops.arithmetic import clone
from minigrad.ops.operands import cast, tensor
from minigrad.ops.transfer import to_device

if TYPE_CHECKING:
    from minigrad.tensor import Tensor

Device = str | None  # its name; None is the CPU, where a tensor is made

# -- what is wanted -------------------------------------------------------------------------------------------


def device(type: str, index: int | None = None) -> str:
    """The full name of a device, ``"cpu"`` or such as ``"cuda:0"``, as ``x.device`` has it.

    A device is its name here, so it can be compared with ``==`` and given to whatever takes a ``device``.

    Raises ValueError for a name that no device can have, or if there is none of that number; RuntimeError, with
    what is missing, if CUDA cannot be used.

    >>> import minigrad as mg
    >>> mg.device("cuda" if mg.cuda.is_available() else "cpu") in ("cpu", "cuda:0")
    True
    """
    return kernels.check_device(type if index is None else f"{type}:{index}")


def cuda_device(device: int | str | None) -> str:
    """The name of a GPU: the current one, the one of a number, or of a name."""
    return "cuda" if device is None else f"cuda:{device}" if isinstance(device, int) else device


def parse_to(*wanted: Any, device: str | None = None, dtype: Any = None) -> tuple[str | None, dtypes.DType | None]:
    """The device and the dtype that the arguments of ``to()`` ask for, each None if it is to stay.

    ``wanted`` are dtypes, devices, and tensors, which stand for both, in any order.
    """
    place = None if device is None else kernels.check_device(device)
    kind = None if dtype is None else dtypes.dtype(dtype)
    for what in wanted:
        if isinstance(what, graph.tensor_class):
            place, kind = what.device, what.dtype
        elif isinstance(what, str) and what not in {d.name for d in dtypes.ALL}:
            place = kernels.check_device(what)
        elif isinstance(what, bool):
            raise TypeError(f"to() takes non_blocking and copy by name, got {what}")
        elif what is not None:
            kind = dtypes.dtype(what)
    return place, kind


# -- methods --------------------------------------------------------------------------------------------------


def to(
    t: Tensor,
    *wanted: Any,
    device: str | None = None,
    dtype: Any = None,
    non_blocking: bool = False,
    copy: bool = False,
) -> Tensor:
    """This tensor with another dtype, on another device, or as another tensor; itself, if it is so already.

    Args:
        wanted: a dtype, a device, or a tensor that stands for both: ``t.to(mg.float64)``, ``t.to("cuda")``.
        device, dtype: the same by name.
        non_blocking: accepted, as in PyTorch, and without effect.
        copy: a copy also where nothing changes.

    Gradients flow back in the dtype and to the device that they come from. Raises TypeError for an unknown dtype,
    ValueError for an unknown device.

    >>> import minigrad as mg
    >>> mg.tensor([1, 2]).to(dtype=mg.float64)
    tensor([1., 2.], dtype=float64)
    """
    place, kind = parse_to(*wanted, device=device, dtype=dtype)
    found = t if kind is None else cast(t, kind)
    if place is not None:
        found = to_device(found, place)
    return clone(found) if copy and found is t else found


def to_float(t: Tensor) -> Tensor:
    """This tensor as float32."""
    return cast(t, dtypes.float32)


def to_double(t: Tensor) -> Tensor:
    """This tensor as float64."""
    return cast(t, dtypes.float64)


def to_int(t: Tensor) -> Tensor:
    """This tensor as int32, PyTorch's int; :meth:`long` is int64."""
    return cast(t, dtypes.int32)


def to_long(t: Tensor) -> Tensor:
    """This tensor as int64."""
    return cast(t, dtypes.int64)


def to_bool(t: Tensor) -> Tensor:
    """This tensor as bool: False where it is 0."""
    return cast(t, dtypes.bool_)


def to_type(t: Tensor, dtype: Any) -> Tensor:
    """This tensor with another dtype, as :meth:`to`."""
    return cast(t, dtypes.dtype(dtype))


def type_as(t: Tensor, other: Tensor) -> Tensor:
    """This tensor with the dtype of ``other``."""
    return cast(t, tensor("type_as", other).dtype)


def cpu(t: Tensor) -> Tensor:
    """This tensor in the memory of the CPU: itself, or a copy, for which the device is waited for."""
    return to_device(t, "cpu")


def cuda(t: Tensor, device: int | str | None = None) -> Tensor:
    """This tensor on the GPU, or on the one of that number or name; itself, if it is there already."""
    return to_device(t, kernels.check_device(cuda_device(device)))
