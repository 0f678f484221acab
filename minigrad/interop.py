"""Interoperation: what a tensor is to NumPy, to other array libraries, to ``copy`` and to ``pickle``.

The functions below are methods of :class:`Tensor`; ``methods.py`` gives them their names.
"""

from __future__ import annotations

import copy
import copyreg
import functools
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad import graph, kernels
from minigrad.kernels import Array
from minigrad.modes import current_mode
from minigrad.ops.operands import tensor
from minigrad.versions import UNCOUNTED, Version

if TYPE_CHECKING:
    from minigrad.tensor import Tensor

# -- its values -----------------------------------------------------------------------------------------------


def get_data(t: Tensor) -> Tensor:
    """The same memory, cut off from the graph, as :meth:`detach`. Can be set: the values are copied, not recorded.

    Unlike in PyTorch, a graph that needs the values as they were notices a change.
    """
    return t.detach()


def set_data(t: Tensor, values: Tensor) -> None:
    """Copy values of the same shape, as ``t.data -= 0.1 * t.grad`` does at its end."""
    if tensor("data", values).shape != t.shape:
        raise ValueError(f"data: a tensor of shape {t.shape} cannot take values of shape {values.shape}")
    t.detach().copy_(values.detach())


# -- how it lies in memory ------------------------------------------------------------------------------------


def is_floating_point(t: Tensor) -> bool:
    """Whether the elements are floats."""
    return t.dtype.kind == "f"


def element_size(t: Tensor) -> int:
    """The bytes of one element."""
    return t.array.itemsize


def nbytes(t: Tensor) -> int:
    """The bytes of all elements."""
    return t.array.nbytes


def nelement(t: Tensor) -> int:
    """The number of elements, as :meth:`numel`."""
    return t.array.size


def ndimension(t: Tensor) -> int:
    """The number of dimensions, as :meth:`dim`."""
    return t.array.ndim


def stride(t: Tensor, dim: int | None = None) -> Any:
    """How many elements further in memory the next one along each dimension is, or along one."""
    steps = tuple(step // t.array.itemsize for step in t.array.strides)
    return steps if dim is None else steps[dim]


def is_contiguous(t: Tensor) -> bool:
    """Whether the elements lie one after another in memory, the last dimension fastest."""
    return bool(t.array.flags.c_contiguous)


def data_ptr(t: Tensor) -> int:
    """The address of the first element."""
    array: Any = t.array
    return int(array.ctypes.data if t.device == "cpu" else array.lend())


# -- NumPy's functions ----------------------------------------------------------------------------------------


def array_function(
    t: Tensor, function: Callable[..., Any], types: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Any:
    """``np.concat([t, t])`` is :func:`array_api.concat`, which is recorded. What has no such twin is refused."""
    return _twin(function)(*args, **kwargs)


def array_ufunc(t: Tensor, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
    """``np.sin(t)`` is ``mg.sin(t)``, and likewise every elementwise function that both have."""
    if method != "__call__":
        raise TypeError(f"np.{ufunc.__name__}.{method}() does not take tensors: give it x.detach().numpy()")
    numbers = [
        x[()] if isinstance(x, np.ndarray) and not x.ndim else x for x in inputs
    ]  # as NumPy's == passes them
    return _twin(ufunc)(*numbers, **kwargs)


def array_namespace(t: Tensor, *, api_version: str | None = None) -> ModuleType:
    """The functions of the Python array API standard on tensors, :mod:`minigrad.array_api`."""
    from minigrad import array_api  # it is made of everything, so it comes last

    if api_version not in (None, array_api.VERSION):
        raise ValueError(f"there is no array API of {api_version!r} here: use {array_api.VERSION!r}")
    return array_api


@functools.cache
def _twins() -> dict[Any, Any]:
    """For each function of NumPy that is in the standard, minigrad's."""
    from minigrad import array_api

    return {getattr(np, name): getattr(array_api, name) for name in array_api.__all__ if hasattr(np, name)}


def _twin(function: Any) -> Any:
    found = _twins().get(function)
    if found is None:
        path = f"{getattr(function, '__module__', None) or 'numpy'}.{function.__name__}".replace(
            "numpy.", "np.", 1
        )
        raise TypeError(f"{path}() does not take tensors: give it x.detach().numpy(), which no gradient reaches")
    return found


# -- memory shared with other libraries -----------------------------------------------------------------------


def dlpack(
    t: Tensor,
    *,
    stream: Any = None,
    max_version: tuple[int, int] | None = None,
    dl_device: tuple[int, int] | None = None,
    copy: bool | None = None,
) -> Any:
    """The memory for another library's ``from_dlpack(t)``, not copied.

    Raises BufferError where a gradient flows, which the other library would not see; for a read-only tensor, such
    as an expanded one, that it could not know to be read-only; and for a reversed one, at which PyTorch crashes.
    """
    if t.requires_grad:
        raise BufferError("__dlpack__ of a tensor that requires a gradient: use t.detach()")
    if not t.array.flags.writeable and not copy and (max_version or (0, 0)) < (1, 0):
        raise BufferError("__dlpack__ of a tensor whose elements share memory and are read-only: use t.clone()")
    if min(t.array.strides, default=0) < 0 and not copy:
        raise BufferError("__dlpack__ of a tensor whose elements lie in reverse order: use t.contiguous()")
    if t.device != "cpu":
        return kernels.load("cuda").dlpack(t.array, stream)
    asked = {"stream": stream, "max_version": max_version, "dl_device": dl_device, "copy": copy}
    return t.array.__dlpack__(**{name: value for name, value in asked.items() if value is not None})


def dlpack_device(t: Tensor) -> tuple[int, int]:
    """DLPack's number for the kind of device, 1 for the CPU and 2 for CUDA, and which one of it."""
    array: Any = t.array
    return (2, array.device) if t.device != "cpu" else array.__dlpack_device__()


# -- copies ---------------------------------------------------------------------------------------------------


def reduce(t: Tensor, protocol: Any) -> tuple[Any, ...]:
    """How ``pickle`` and ``copy.copy`` make this tensor again: a leaf, without its gradient and its hooks.

    ``copy.copy`` shares the memory. Raises RuntimeError for a tensor that is not a leaf: its graph would be lost.
    """
    check_leaf(t)
    state = vars(t) if hasattr(t, "__dict__") else None  # a user's subclass may have attributes
    return rebuild, (type(t), t.array, t.requires_grad, None if t.is_inference() else t.version), state


def deep_copy(t: Tensor, memo: dict[int, Any]) -> Tensor:
    """A leaf in memory of its own, with a copy of its gradient, without hooks. Raises as :func:`reduce`."""
    _, (kind, array, requires_grad, version), state = reduce(t, None)
    if not kernels.is_seen(array) and id(array) not in memo:  # on a device, or the device would be copied too
        memo[id(array)] = kernels.duplicate(array)
    twin = rebuild(kind, copy.deepcopy(array, memo), requires_grad, copy.deepcopy(version, memo))
    memo[id(t)] = twin
    if state:
        vars(twin).update(copy.deepcopy(state, memo))
    twin.grad = copy.deepcopy(t.grad, memo)
    return twin


def rebuild(kind: type[Tensor], array: Array, requires_grad: bool, version: Version | None) -> Tensor:
    """A leaf of the class ``kind``, around an array, and with the count of its changes."""
    made = graph.tensor_class.of(array, None, UNCOUNTED if current_mode().inference else version)
    t = kind.__new__(kind)
    for name in set(graph.tensor_class.__slots__) - {"__weakref__"}:
        if hasattr(made, name):
            setattr(t, name, getattr(made, name))
    t.requires_grad = requires_grad
    return t


def check_leaf(t: Tensor) -> None:
    """Raise RuntimeError unless the tensor is a leaf."""
    if t.grad_fn is not None:
        raise RuntimeError(
            f"{t.grad_fn} made this tensor, and its graph can be neither copied nor pickled: use t.detach(), or "
            "t.clone() for a copy that stays in the graph"
        )


copyreg.pickle(Version, lambda version: (Version, ()))  # tensors that share one do so when they are read again
