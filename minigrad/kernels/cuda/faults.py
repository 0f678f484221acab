"""Mistakes that only the device can see: an index in a tensor on the device that is out of range.

To look at it before the kernel runs would mean to wait for the device at every lookup. So the kernel looks, uses
no memory that is not its own, and notes such an index; the next time that somebody waits for the device anyway
(``item``, ``cpu``, printing, ``mg.cuda.synchronize()``) it is an IndexError. The process goes on.
"""

from __future__ import annotations

import numpy as np

from minigrad.dtypes import int64
from minigrad.kernels.cuda import array as arrays
from minigrad.kernels.cuda import device as devices
from minigrad.kernels.cuda.array import DeviceArray
from minigrad.kernels.cuda.shim import device

#: For each device: where kernels note a fault (whether there is one, the index, the size), and who may have.
_notes: dict[int, tuple[DeviceArray, list[str]]] = {}


@device
def fault(faults, index, size):
    """Note that there is no such index. Of several the last one stays."""
    faults[1] = index
    faults[2] = size
    faults[0] = 1


def watched(index: int, name: str) -> DeviceArray:
    """What the kernel of the function ``name`` writes to if it finds a mistake."""
    expect(index, [name])
    return _notes[index][0]


def expect(index: int, suspects: list[str]) -> None:
    """Let :func:`check` look for mistakes of these functions."""
    if index not in _notes:
        _notes[index] = arrays.empty((3,), int64, index), []
        _reset(index)
    names = _notes[index][1]
    names += [name for name in suspects if name not in names]


def suspects(index: int) -> list[str]:
    """The functions that may have found a mistake since the last :func:`check`."""
    return list(_notes[index][1])


def check(index: int) -> None:
    """Raise IndexError if a kernel has found a mistake since the last time. Waits for the device."""
    notes, names = _notes.get(index, (None, []))
    if notes is None or not names:
        return
    found = np.empty(3, np.int64)
    devices.device(index).driver.download(index, found, notes.address, devices.stream(index))
    told = ", ".join(names)
    names.clear()
    if found[0]:
        _reset(index)
        raise IndexError(
            f"index {found[1]} is out of range for a size of {found[2]}, on cuda:{index}, in one of the "
            f"operations since the device was last waited for: {told}. Run them on the CPU to see which"
        )


def _reset(index: int) -> None:
    notes = _notes[index][0]
    devices.device(index).driver.upload(index, notes.address, np.zeros(3, np.int64), devices.stream(index))
