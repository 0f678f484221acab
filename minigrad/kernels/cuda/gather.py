"""Indexing by arrays, and the way back: each element finds its place by an offset that was worked out before.

A key is taken apart in two. Its slices make a view. Its integer arrays (a mask is the places where it is true) are
broadcast to one array of *offsets*, how many elements further on each is from the beginning; what they index is
left out of the view. Then, over all elements of the result,

    out[i] = x[place(i) + offset(i)]        and the other way round        x[place(i) + offset(i)] += v[i]

The additions are atomic, since several threads may add to one element; in which order they come, and so the last
bit of a float, may differ from run to run. Where elements are replaced, and a key names one twice, the last one
stays, as on the CPU: a first kernel notes for every element which is the last to write there.

An index on the device that is out of range is a fault (``faults.py``); one on the host is an IndexError at once.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np

from minigrad.dtypes import DType, int64
from minigrad.kernels import Array, Dims
from minigrad.kernels.cuda import intrinsics
from minigrad.kernels.cuda.array import DeviceArray, like, steps
from minigrad.kernels.cuda.faults import fault, watched
from minigrad.kernels.cuda.launch import INT, Kernel, blocks, pointer
from minigrad.kernels.cuda.loops import (
    broadcast_strides,
    build,
    collapse,
    index_type,
    strided_source,
    strided_takes,
)
from minigrad.kernels.cuda.move import add, cast, copy, full
from minigrad.kernels.cuda.move import write as write_view
from minigrad.kernels.cuda.shim import THREADS, cuda
from minigrad.kernels.cuda.transfer import to_device

__all__ = ["index", "index_backward", "put", "put_add", "write"]

ATOMIC = ("float32", "float64", "int32", "int64")  # dtypes that a GPU adds atomically

#: What is done at each element: x is indexed, v is the other operand, w says who was the last to write.
BODIES = {
    "gather": "v[{v}] = x[{x} + offsets[{offsets}]]",
    "put": "if w[{x} + offsets[{offsets}]] == i: x[{x} + offsets[{offsets}]] = v[{v}]",
    "last": "atomic_max(w, {x} + offsets[{offsets}], i)",
    "add": "atomic_add(x, {x} + offsets[{offsets}], v[{v}])",
}


class Places(NamedTuple):
    """Where the elements of ``x[key]`` are."""

    view: DeviceArray  # of x, in the shape of the result; along the dims of the offsets its strides are 0
    offsets: DeviceArray  # in elements
    strides: tuple[int, ...]  # of the offsets, in the shape of the result


# -- the kernels ----------------------------------------------------------------------------------------------


@functools.cache
def kernel_of(what: str, dtype: DType, ndim: int, index: DType) -> Kernel:
    """The kernel that moves elements of this dtype, in a shape of ``ndim`` dims."""
    source = strided_source(("x", "v", "w", "offsets"), ("x", "v", "offsets"), [BODIES[what]], ndim)
    known = {"atomic_add": intrinsics.atomic_add, "atomic_max": intrinsics.atomic_max}
    takes = (pointer(dtype), pointer(dtype), pointer(int64), pointer(int64), *strided_takes(ndim, 3, index))
    return Kernel(f"{what}_{dtype.name}_{ndim}", build(what, source, known, index=index), *takes)


def run(what: str, places: Places, v: DeviceArray, w: DeviceArray) -> None:
    """Do ``what`` at every element of the places, with the elements of ``v`` that belong to them."""
    x, shape = places.view, places.view.shape
    if not x.size:
        return
    strides = (
        tuple(s // x.itemsize for s in x.strides),
        broadcast_strides(v.shape, v.strides, v.itemsize, shape),
        places.strides,
    )
    sizes, along = collapse(shape, strides)
    kernel = kernel_of(what, x.dtype, len(sizes), index_type(x.size))
    kernel(blocks(x, x.size), THREADS, x, v, w, places.offsets, x.size, *sizes[1:], *along)


def offset_piece(index, out, n, size, stride, faults):
    """out[i] += index[i] stride, where an index below 0 counts from the end"""
    i = cuda.grid(1)
    while i < n:
        k = index[i]
        if k < 0:
            k += size
        if 0 <= k < size:
            out[i] += k * stride
        else:
            fault(faults, index[i], size)
        i += cuda.gridsize(1)


add_offset = Kernel("add_offset", offset_piece, pointer(int64), pointer(int64), INT, INT, INT, pointer(int64))

# -- keys -----------------------------------------------------------------------------------------------------


def parts_of(key: Any, ndim: int) -> list[Any]:
    """A key with a part for each dim: ``...`` filled in, masks as the places where they are true."""
    parts: list[Any] = []
    for part in key if isinstance(key, tuple) else (key,):
        is_mask = isinstance(part, (np.ndarray, DeviceArray)) and part.dtype.kind == "b"
        if is_mask:  # how many places there are is known on the host alone
            parts += np.nonzero(part.host() if isinstance(part, DeviceArray) else part)
        else:
            parts.append(part)
    given = sum(part is not None and part is not ... for part in parts)
    rest = [slice(None)] * (ndim - given)
    at = next((i for i, part in enumerate(parts) if part is ...), len(parts))
    return [*parts[:at], *rest, *parts[at + 1 :]]


def is_array(part: Any) -> bool:
    """Whether a part of a key is an array of integers."""
    return isinstance(part, (np.ndarray, DeviceArray))


def find(x: DeviceArray, key: Any, name: str) -> Places | None:
    """Where the elements of ``x[key]`` are, or None for a key without arrays, which is a view."""
    parts = parts_of(key, x.ndim)
    if not any(is_array(part) for part in parts):
        return None
    fancy = [i for i, part in enumerate(parts) if is_array(part) or isinstance(part, (int, np.integer))]
    together = fancy[-1] - fancy[0] == len(fancy) - 1
    view = x[tuple(slice(None) if i in fancy else part for i, part in enumerate(parts))]
    indexed = np.broadcast_shapes(*(parts[i].shape for i in fancy if is_array(parts[i])))
    offsets = _offsets(view, {i: parts[i] for i in fancy}, indexed, name)
    others = [d for d in range(view.ndim) if d not in fancy]
    before = fancy[0] if together else 0  # NumPy puts the dims of the arrays first, if they stand apart
    order = (*others[:before], None, *others[before:])
    shape = tuple(n for d in order for n in (indexed if d is None else (view.shape[d],)))
    strides = tuple(s for d in order for s in ((0,) * len(indexed) if d is None else (view.strides[d],)))
    along = tuple(s // 8 for s in steps(indexed, 8))
    of_offsets = tuple(s for d in order for s in (along if d is None else (0,)))
    return Places(view.view(shape, strides), offsets, of_offsets)


def _offsets(x: DeviceArray, parts: dict[int, Any], shape: tuple[int, ...], name: str) -> DeviceArray:
    """How far on from the beginning each indexed element is, given the arrays by the dim that they index."""
    known: Any = np.zeros((), int64)  # a number, unless there are arrays of the host
    for dim, part in parts.items():
        if not isinstance(part, DeviceArray):
            n = x.shape[dim]
            wrong = np.asarray(part)[(np.asarray(part) < -n) | (np.asarray(part) >= n)]
            if wrong.size:
                raise IndexError(f"index {wrong.flat[0]} is out of bounds for axis {dim} with size {n}")
            known = known + np.where(np.asarray(part) < 0, part + n, part) * (x.strides[dim] // x.itemsize)
    device = x.device
    out = to_device(np.broadcast_to(known, shape), device) if known.ndim else full(shape, known, int64, device)
    for dim, part in parts.items():
        if isinstance(part, DeviceArray) and out.size:
            index = part if part.shape == shape and part.contiguous else copy(part.expand(shape))
            index = index if index.dtype == int64 else cast(index, int64)
            faults = watched(x.device, name)
            add_offset(
                blocks(out, out.size),
                THREADS,
                index,
                out,
                out.size,
                x.shape[dim],
                x.strides[dim] // x.itemsize,
                faults,
            )
    return out


# -- functions of the contract --------------------------------------------------------------------------------


def index(x: DeviceArray, key: Any) -> DeviceArray:
    places = find(x, key, "index")
    if places is None:
        return x[key]
    out = like(x, places.view.shape)
    run("gather", places, out, places.offsets)
    return out


def index_backward(dy: DeviceArray, shape: Dims, key: Any) -> DeviceArray:
    dx = full(shape, 0, dy.dtype, dy.device)
    _add(dx, key, dy, "index_backward")
    return dx


def put_add(x: DeviceArray, key: Any, v: DeviceArray | Array) -> DeviceArray:
    if x.dtype.name not in ATOMIC:
        return cast(put_add(cast(x, int64), key, cast(_on_device(v, x), int64)), x.dtype)
    out = copy(x)
    _add(out, key, _on_device(v, x), "put_add")
    return out


def put(x: DeviceArray, key: Any, v: DeviceArray | Array) -> DeviceArray:
    out = copy(x)
    write(out, v, key)
    return out


def write(x: DeviceArray, v: DeviceArray | Array, key: Any) -> None:
    """``x[key] = v``, in place."""
    places = None if key is ... else find(x, key, "put")
    if places is None:
        write_view(x, v, key)
        return
    v = _on_device(v, x)
    v = v if v.dtype == x.dtype else cast(v, x.dtype)
    base = x if x.contiguous else copy(x)
    found = places if x is base else find(base, key, "put")
    assert found is not None
    begin = (found.view.address - base.address) // x.itemsize  # of the view
    last = full(base.shape, -1, int64, x.device)
    last = last.view(last.shape, last.strides, begin * int64.itemsize)
    run("last", found, v, last)
    run("put", found, v, last)
    if base is not x:
        write_view(x, base, ...)


def _add(out: DeviceArray, key: Any, v: DeviceArray, name: str) -> None:
    places = find(out, key, name)
    if places is None:
        view = out[key]
        add(view, v, out=view)
    else:
        run("add", places, v, places.offsets)


def _on_device(v: DeviceArray | Array, x: DeviceArray) -> DeviceArray:
    return v if isinstance(v, DeviceArray) else to_device(v, x.device)
