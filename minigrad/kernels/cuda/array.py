"""DeviceArray: an array in the memory of a GPU. It has a shape, but no arithmetic: that is what kernels are for.

A *pending* array has no memory yet: its elements are a step of a chain (``chain.py``), which is computed when
somebody asks for its ``memory`` or ``address``.

Its attributes are NumPy's (``shape``, ``strides`` in bytes, ``dtype`` and so on), so that the floors above read
both kinds of array alike. A view has its own shape and strides in the same memory. What would have to wait for the
device to bring numbers to the host (:meth:`DeviceArray.item`, ``tolist``, ``host``) is never done unasked.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from minigrad import kernels
from minigrad.dtypes import DType
from minigrad.kernels import Array, Dims
from minigrad.kernels.cuda import device as devices
from minigrad.kernels.cuda.memory import Memory


class Flags(NamedTuple):
    """The flags that the floors above ask for."""

    c_contiguous: bool
    writeable: bool


class DeviceArray:
    """Elements in a block of device memory, from ``address`` on. Kernels read and write them."""

    __slots__ = (
        "__weakref__", "address", "base", "chain", "contiguous", "device", "dtype", "memory", "name", "ndim",
        "shape", "size", "strides", "writeable",
    )  # fmt: skip

    __array_ufunc__ = None  # NumPy must not take it for a sequence

    def __init__(
        self,
        memory: Memory | Any,
        address: int,
        shape: Dims,
        strides: Dims,
        dtype: DType,
        device: int,
        base: DeviceArray | None = None,
        writeable: bool = True,
    ) -> None:
        self.memory, self.address, self.device = memory, address, device  # the memory is held, and so not reused
        self.shape, self.strides, self.dtype = shape, strides, dtype
        self.ndim, self.size = len(shape), math.prod(shape)
        self.contiguous = strides == steps(shape, dtype.itemsize) or is_contiguous(shape, strides, dtype.itemsize)
        self.base, self.writeable = base, writeable
        self.chain: Any = None

    @classmethod
    def around(cls, memory: Memory, shape: Dims, dtype: DType, device: int) -> DeviceArray:
        """The array of all elements in the memory, one after the other."""
        return cls(memory, memory.address, shape, steps(shape, dtype.itemsize), dtype, device)

    # -- pending ----------------------------------------------------------------------------------------------

    def compute(self) -> None:
        """Let the elements be computed, if they are pending. Raises RuntimeError if that has failed before."""
        chain = self.chain
        if chain is not None:
            chain.run()
            if self.chain is not None:
                raise RuntimeError(f"{self!r} was to be computed by {chain!r}, which has failed: {chain.failure}")

    def become(self, memory: Memory) -> None:
        """Let the elements, which were pending, be those in the memory."""
        self.address, self.memory = memory.address, memory
        self.__class__ = DeviceArray
        self.chain = None  # last, since another thread may look at any moment

    @property
    def is_lent(self) -> bool:
        """Whether the memory is another library's, or one knows of it, and may write there at any moment."""
        return self.chain is None and getattr(self.memory, "lent", True)

    def lend(self) -> int:
        """The address, for another library."""
        if type(self.memory) is Memory:
            self.memory.lent = True
        devices.settle((self,))
        return self.address

    # -- what NumPy's arrays have -----------------------------------------------------------------------------

    @property
    def itemsize(self) -> int:
        """The bytes of one element."""
        return self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """The bytes of all elements."""
        return self.size * self.dtype.itemsize

    @property
    def flags(self) -> Flags:
        """Whether the elements lie one after the other, and whether they may be written."""
        return Flags(self.contiguous, self.writeable)

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        return f"<DeviceArray of shape {self.shape} and dtype {self.dtype} on cuda:{self.device}>"

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        raise TypeError(
            f"a tensor on cuda:{self.device} is no NumPy array: copy it to the CPU first, with t.cpu()"
        )

    # -- views ------------------------------------------------------------------------------------------------

    def view(self, shape: Dims, strides: Dims, offset: int = 0, *, writeable: bool = True) -> DeviceArray:
        """The same memory with another shape and other strides, from ``offset`` bytes further on."""
        return DeviceArray(
            self.memory,
            self.address + offset,
            shape,
            strides,
            self.dtype,
            self.device,
            self,
            self.writeable and writeable,
        )

    def reshape(self, shape: Dims) -> DeviceArray | None:
        """The view of that shape, or None if only a copy can have it. One size may be -1."""
        if -1 in shape:
            rest = math.prod(n for n in shape if n != -1)
            shape = tuple(self.size // rest if n == -1 else n for n in shape)
        strides = steps(shape, self.itemsize) if self.contiguous else reshaped(self.shape, self.strides, shape)
        return None if strides is None else self.view(shape, strides)

    def transpose(self, dims: Sequence[int]) -> DeviceArray:
        """The view with the dims in that order."""
        return self.view(tuple(self.shape[d] for d in dims), tuple(self.strides[d] for d in dims))

    def expand(self, shape: Dims) -> DeviceArray:
        """The view broadcast to that shape; it shows one element in several places, and so is read-only."""
        new = len(shape) - self.ndim
        strides = (0,) * new + tuple(
            0 if n == 1 and m != 1 else s for n, m, s in zip(self.shape, shape[new:], self.strides, strict=True)
        )
        return self.view(tuple(shape), strides, writeable=False)

    def __getitem__(self, key: Any) -> DeviceArray:
        """The view at a key of ints, slices, None and ``...``. Raises IndexError for one that is out of range."""
        parts = key if isinstance(key, tuple) else (key,)
        whole = tuple(slice(None) for _ in range(self.ndim - sum(p is not None and p is not ... for p in parts)))
        place = next((i for i, part in enumerate(parts) if part is ...), len(parts))
        shape, strides, offset, dim = [], [], 0, 0
        for part in (*parts[:place], *whole, *parts[place + 1 :]):
            if part is None:
                shape.append(1)
                strides.append(0)
                continue
            if dim == self.ndim:
                raise IndexError(f"too many indices for an array of {self.ndim} dimensions")
            n, step = self.shape[dim], self.strides[dim]
            if isinstance(part, slice):
                chosen = range(n)[part]
                shape.append(len(chosen))
                strides.append(step * chosen.step)
                offset += chosen.start * step if len(chosen) else 0
            else:
                if not -n <= part < n:
                    raise IndexError(f"index {part} is out of bounds for axis {dim} with size {n}")
                offset += (part % n) * step
            dim += 1
        return self.view(tuple(shape), tuple(strides), offset)

    # -- to the host ------------------------------------------------------------------------------------------

    def host(self) -> Array:
        """A copy in the memory of the host. Waits for the device."""
        from minigrad.kernels.cuda.transfer import to_host  # it needs kernels, to copy what is strided

        return to_host(self)

    def item(self) -> Any:
        """The only element, as a Python number. Waits for the device."""
        return self.host().item()

    def tolist(self) -> Any:
        """The elements as nested lists of Python numbers. Waits for the device."""
        return self.host().tolist()

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        """How other libraries take the memory as theirs, without a copy (version 3 of the interface)."""
        return {
            "shape": self.shape,
            "typestr": self.dtype.str,
            "data": (self.lend(), not self.writeable),
            "strides": None if self.contiguous else self.strides,
            "version": 3,
            "stream": devices.stream(self.device) or 1,
        }


class PendingArray(DeviceArray):
    """The result of the step of that name in a chain. Once it is computed, it is a DeviceArray like any other.

    It has no memory and address: who asks for them comes to ``__getattr__``. A class that has one pays for it at
    every attribute, which is why this is not said of all arrays.
    """

    __slots__ = ()

    def __init__(self, chain: Any, name: str, dtype: DType) -> None:
        self.chain, self.name, self.device, self.dtype = chain, name, chain.device, dtype
        self.shape = shape = chain.shape
        self.strides, self.contiguous, self.ndim = steps(shape, dtype.itemsize), True, len(shape)
        self.size, self.base, self.writeable = chain.size, None, True

    def __getattr__(self, name: str) -> Any:
        """The memory or address, the only attributes that can be missing."""
        if name not in ("address", "memory"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        self.compute()
        return object.__getattribute__(self, name)


kernels.placed[DeviceArray] = kernels.placed[PendingArray] = "cuda"


def empty(shape: Sequence[int], dtype: DType, index: int) -> DeviceArray:
    """A new array on the device of that number, whose elements are whatever the memory holds."""
    shape = tuple(shape)
    return DeviceArray.around(room(math.prod(shape) * dtype.itemsize, index), shape, dtype, index)


def room(size: int, index: int) -> Memory:
    """Memory of so many bytes on the device of that number."""
    take, stream = devices.device(index).memory.take, devices.current.streams.get(index, 0)
    try:
        return take(size, stream)
    except kernels.OutOfMemoryError:
        if not devices.waiting:
            raise
        devices.flush_all()  # a chain may be all that holds its operands
        return take(size, stream)


def like(x: DeviceArray, shape: Sequence[int] | None = None, dtype: DType | None = None) -> DeviceArray:
    """A new array on the device of ``x``; of its shape and dtype, but for what is given."""
    return empty(x.shape if shape is None else shape, x.dtype if dtype is None else dtype, x.device)


# -- strides --------------------------------------------------------------------------------------------------


@functools.lru_cache(4096)
def steps(shape: Dims, itemsize: int) -> Dims:
    """The strides, in bytes, of elements that lie one after the other.

    >>> steps((2, 3), 4)
    (12, 4)
    """
    strides, step = [], itemsize
    for n in reversed(shape):
        strides.append(step)
        step *= n
    return tuple(reversed(strides))


def is_contiguous(shape: Dims, strides: Dims, itemsize: int) -> bool:
    """Whether elements of these strides lie one after the other; the stride of a dim of size 1 says nothing."""
    step = itemsize
    if 0 in shape:
        return True
    for n, stride in zip(reversed(shape), reversed(strides), strict=True):
        if n != 1 and stride != step:
            return False
        step *= n
    return True


def reshaped(shape: Dims, strides: Dims, new: Dims) -> Dims | None:
    """The strides of a view of the shape ``new``, or None if no strides lead to the elements in this order.

    >>> reshaped((4, 6), (48, 8), (2, 2, 6)), reshaped((4, 6), (8, 32), (24,))
    ((96, 48, 8), None)
    """
    old = [(n, s) for n, s in zip(shape, strides, strict=True) if n != 1]
    found: list[int] = []
    i = 0
    sizes = list(new)
    while len(found) < len(sizes):
        if sizes[len(found)] == 1 and i == len(old):
            found.append(0)
            continue
        if i == len(old):
            return None
        j, k, held, wanted = i, len(found), old[i][0], sizes[len(found)]
        while held != wanted:  # widen the smaller group until both hold as many elements
            if held < wanted:
                j += 1
                if j == len(old) or old[j - 1][1] != old[j][0] * old[j][1]:
                    return None
                held *= old[j][0]
            else:
                k += 1
                wanted *= sizes[k]
        step = old[j][1]
        group = []
        for n in reversed(sizes[len(found) : k + 1]):
            group.append(step)
            step *= n
        found.extend(reversed(group))
        i = j + 1
    return tuple(found)
