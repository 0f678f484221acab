"""Putting off: an elementwise function, or a product, becomes a step of the thread's chain (``chain.py``)."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

from minigrad.dtypes import DType
from minigrad.kernels import Dims
from minigrad.kernels.cuda import device as devices
from minigrad.kernels.cuda.array import DeviceArray
from minigrad.kernels.cuda.chain import Chain


def put_off(
    function: Any,
    operands: Sequence[Any],
    found: Sequence[DeviceArray],
    dtype: DType,
    gives: DType,
    shape: Dims,
    device: int,
) -> DeviceArray:
    """What an elementwise function gives, as a step of this thread's chain, or the first one of a new chain.

    ``found`` are the arrays among the operands.
    """
    current = devices.current
    for x in found:
        if x.chain is not None and x.chain is not current.chain:
            x.compute()  # another thread has put it off
    stream = current.streams.get(device, 0)
    with devices.lock:
        chain = current.chain
        if chain is None or not chain.takes(found, shape, device, stream):
            devices.flush()
            chain = _begin(Chain(shape, device, stream))
        return chain.add(function, operands, dtype, gives)


def begin(head: Any, shape: Dims, dtype: DType, device: int) -> DeviceArray:
    """What a matrix product gives, as the first step of a new chain. Its operands have been computed."""
    devices.flush()
    with devices.lock:
        chain = _begin(Chain(shape, device, devices.stream(device), head))
        return chain.add(head.function, (), dtype, dtype)


def _begin(chain: Chain) -> Chain:
    devices.current.chain = chain
    chain.reference = weakref.ref(chain, devices.waiting.discard)
    devices.waiting.add(chain.reference)
    return chain


def finish(
    function: Any, operands: Sequence[Any], found: Sequence[DeviceArray], dtype: DType, out: DeviceArray
) -> bool:
    """Let the function, whose result is written over ``out``, be the last step of the chain, and launch that.

    So ``x += 2 * y`` is one launch. False if it cannot be that.
    """
    if devices.current.chain is None:
        return False
    with devices.lock:
        chain = devices.current.chain
        if (
            chain is None
            or not chain.takes(found, out.shape, out.device, devices.stream(out.device))
            or any(x.is_lent or x.chain not in (None, chain) for x in found)
            or not chain.can_write(out, found)
        ):
            return False
        for other in devices.chains():
            if other is not chain:
                other.make_way((out,))
        if chain.is_over:  # to make way, another thread's chain was launched, after this one
            return False
        chain.add(function, operands, dtype, out.dtype, out)
        devices.flush()
    return True
