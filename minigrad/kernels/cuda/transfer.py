"""Between the host's memory and the device's: the only copies that leave a device, all asked for by the user."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad import dtypes
from minigrad.kernels import Array
from minigrad.kernels.cuda import device as devices
from minigrad.kernels.cuda.array import DeviceArray, empty, steps

__all__ = ["between", "shared_with", "to_device"]


def to_device(array: Array, index: int) -> DeviceArray:
    """A copy of the host's array on a device. Does not wait for it."""
    found = empty(array.shape, array.dtype, index)
    if array.size:
        devices.check_not_noting("the function copies from the host, whose numbers may change")
        source = np.ascontiguousarray(array)
        devices.device(index).driver.upload(index, found.address, source, devices.stream(index))
    return found


def to_host(x: DeviceArray) -> Array:
    """A copy of the device's array on the host. Waits for the device."""
    found = np.empty(x.shape, x.dtype)
    if x.size:
        devices.check_not_noting("the function copies to the host, which has to wait for the device")
        from minigrad.kernels.cuda.faults import check
        from minigrad.kernels.cuda.move import copy  # made of kernels, which are made of arrays

        whole = x if x.contiguous else copy(x)
        devices.device(x.device).driver.download(x.device, found, whole.address, devices.stream(x.device))
        check(x.device)
    return found


def between(x: DeviceArray, index: int) -> DeviceArray:
    """A copy on another device."""
    from minigrad.kernels.cuda.move import copy

    whole = x if x.contiguous else copy(x)
    whole.compute()  # before the stream is waited for
    found = empty(x.shape, x.dtype, index)
    driver, source, target = devices.device(index).driver, devices.stream(x.device), devices.stream(index)
    driver.synchronize(x.device, source)  # the other device's stream knows nothing of this one's
    driver.copy(index, found.address, whole.address, x.nbytes, target)
    event = driver.new_event(index, timing=False)
    driver.record(index, event, target)
    driver.wait(x.device, source, event)  # what is read may be given to the next user as soon as this returns
    driver.end_event(index, event)
    return found


def shared_with(theirs: Any) -> DeviceArray:
    """The memory of another library's array, not copied: of whatever has a ``__cuda_array_interface__``.

    It waits for what the other library has under way there. Raises TypeError for a dtype that minigrad does not
    have.
    """
    told = theirs.__cuda_array_interface__
    dtype, (address, read_only) = dtypes.dtype(np.dtype(told["typestr"])), told["data"]
    index = int(devices.driver().device_at(address)) if address else devices.current.device
    if told.get("stream"):
        devices.device(index).driver.synchronize(index)
    shape = tuple(told["shape"])
    strides = tuple(told.get("strides") or steps(shape, dtype.itemsize))
    return DeviceArray(theirs, address, shape, strides, dtype, index, writeable=not read_only)
