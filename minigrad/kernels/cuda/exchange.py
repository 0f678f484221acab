"""Device memory for other libraries, by DLPack: a C struct that says where it is, and a function to let go of it.

The struct is version 0 of DLPack (https://dmlc.github.io/dlpack/latest/c_api.html), which all libraries read. It
is handed over in a capsule named ``dltensor``; whoever takes it renames the capsule and calls the deleter at the
end.
"""

from __future__ import annotations

import ctypes
import functools
from ctypes import (
    POINTER,
    PYFUNCTYPE,
    c_char_p,
    c_int32,
    c_int64,
    c_uint8,
    c_uint16,
    c_uint64,
    c_void_p,
    py_object,
)
from typing import Any

from minigrad.kernels.cuda import device as devices
from minigrad.kernels.cuda.array import DeviceArray

__all__ = ["dlpack"]

CUDA = 2  # DLPack's number for the kind of device
CODES = {"i": 0, "u": 1, "f": 2, "b": 6}
NAME = b"dltensor"
LEGACY = 1  # DLPack's number for the default stream


class View(ctypes.Structure):
    """DLTensor: address, device, dtype, shape and strides, these in elements."""

    _fields_ = (
        ("data", c_void_p),
        ("device_type", c_int32),
        ("device_id", c_int32),
        ("ndim", c_int32),
        ("code", c_uint8),
        ("bits", c_uint8),
        ("lanes", c_uint16),
        ("shape", POINTER(c_int64)),
        ("strides", POINTER(c_int64)),
        ("byte_offset", c_uint64),
    )


Deleter = PYFUNCTYPE(None, c_void_p)


class Managed(ctypes.Structure):
    """DLManagedTensor: the view, and what lets go of it."""

    _fields_ = (("view", View), ("context", c_void_p), ("deleter", Deleter))


#: What others hold, by the address of its struct.
held: dict[int, tuple[Any, ...]] = {}


@Deleter
def let_go(address: int) -> None:
    """Called by whoever took the memory."""
    held.pop(address, None)


@Deleter
def drop(capsule: int) -> None:
    """Called when a capsule is gone; if nobody took what was in it, it is let go."""
    api = capsules()
    if api.PyCapsule_IsValid(capsule, NAME):
        let_go(api.PyCapsule_GetPointer(capsule, NAME))


@functools.cache
def capsules() -> Any:
    """Python's functions for capsules."""
    api = ctypes.PyDLL(None)
    api.PyCapsule_New.restype, api.PyCapsule_New.argtypes = py_object, (c_void_p, c_char_p, Deleter)
    api.PyCapsule_IsValid.restype, api.PyCapsule_IsValid.argtypes = ctypes.c_int, (c_void_p, c_char_p)
    api.PyCapsule_GetPointer.restype, api.PyCapsule_GetPointer.argtypes = c_void_p, (c_void_p, c_char_p)
    return api


def dlpack(x: DeviceArray, stream: int | None) -> Any:
    """A capsule for another library's ``from_dlpack``, whose stream waits for what is under way on ours.

    Who says nothing of a stream works on the default one; -1 asks not to wait (the array API's ``__dlpack__``).
    """
    start = x.lend()
    if stream != -1:
        driver, own = devices.driver(), devices.stream(x.device)
        event = driver.new_event(x.device, timing=False)
        driver.record(x.device, event, own)
        driver.wait(x.device, 0 if stream in (None, LEGACY) else stream, event)
        driver.end_event(x.device, event)
    sizes = (c_int64 * max(x.ndim, 1))(*x.shape)
    steps = (c_int64 * max(x.ndim, 1))(*(s // x.itemsize for s in x.strides))
    view = View(start, CUDA, x.device, x.ndim, CODES[x.dtype.kind], 8 * x.itemsize, 1, sizes, steps, 0)
    managed = Managed(view, None, let_go)
    address = ctypes.addressof(managed)
    held[address] = (managed, sizes, steps, x)
    return capsules().PyCapsule_New(address, NAME, drop)
