"""NVIDIA's driver: memory, copies, launches, streams, events and graphs, by the C functions of its library.

The functions are those of the CUDA Driver API (https://docs.nvidia.com/cuda/cuda-driver-api), called with
``ctypes``: the library is part of the driver, so nothing has to be installed for it, and a launch costs a few
microseconds. Each device is used in its primary context, as by PyTorch, CuPy and Numba: memory can be shared.

Handles and addresses are plain ints. Every method takes the number of the device that it is about.
"""

from __future__ import annotations

import ctypes
import functools
import struct
import sys
import threading
from collections.abc import Sequence
from ctypes import byref, c_char, c_char_p, c_float, c_int, c_size_t, c_uint64, c_void_p
from typing import Any

from minigrad.kernels import Array
from minigrad.kernels.cuda import shim

Size = tuple[int, int, int]

OUT_OF_MEMORY, NO_DEVICE, NOT_READY = 2, 100, 600
MAJOR, MINOR, PROCESSORS = 75, 76, 16  # attributes of a device
DEVICE_ORDINAL = 9  # the attribute of a pointer
DYNAMIC_SHARED = 8  # the attribute of a function that lets it take more than 48 KiB
NON_BLOCKING = 1  # a stream that does not wait for the legacy default stream
PARAMETERS, PARAMETERS_SIZE, END = 1, 2, 0  # of cuLaunchKernel's `extra`
MOST_ARGUMENTS = 4096  # bytes that a kernel can be given
LOG, LOG_SIZE = 5, 6  # options of the compiler from PTX: where it writes its errors
ADVICE = {
    3: "a process that was forked from one that uses CUDA cannot use it: start it by spawn",
    222: "the driver is older than the compiler: update it, or install the one of its CUDA version "
    "(numba-cuda[cu12] rather than numba-cuda[cu13])",
    900: "a graph cannot repeat this: the function of mg.cuda.graph waits for the device",
    901: "a graph cannot repeat something that the function of mg.cuda.graph does, such as waiting for the device",
    700: "a kernel left its memory, and the driver has closed this process's access to the GPU: start it anew",
}


class Entered(threading.local):
    """The device in whose context a thread is."""

    device: int | None = None


class DriverError(RuntimeError):
    """A function of the driver has failed."""


def library() -> Any:
    """The driver's library. Raises OSError where there is no driver."""
    names = ("nvcuda.dll",) if sys.platform == "win32" else ("libcuda.so.1", "libcuda.so")
    for name in names:
        try:
            return ctypes.CDLL(name)
        except OSError as error:
            reason = error
    raise reason


class Driver:
    """The GPUs of this machine.

    Raises OSError where there is no driver, DriverError where it cannot start.
    """

    def __init__(self, found: Any = None) -> None:
        self.library = library() if found is None else found
        self.entered = Entered()
        self.arguments, self.size = (c_char * MOST_ARGUMENTS)(), c_size_t()  # of the launch that is under way
        self.launching = threading.Lock()
        self.extra = (c_void_p * 5)(
            PARAMETERS, ctypes.addressof(self.arguments), PARAMETERS_SIZE, ctypes.addressof(self.size), END
        )
        code = self.library.cuInit(0)
        if code not in (0, NO_DEVICE):  # it also says so where CUDA_VISIBLE_DEVICES hides them all
            self.fail("cuInit", code)
        count = c_int()
        code = self.library.cuDeviceGetCount(byref(count))
        self.devices = 0 if code else count.value

    def call(self, name: str, *arguments: Any) -> None:
        """Call a function of the library. Raises DriverError with what it says of a failure."""
        code = getattr(self.library, name)(*arguments)
        if code:
            self.fail(name, code)

    def fail(self, name: str, code: int, more: str = "") -> None:
        text = c_char_p()
        self.library.cuGetErrorString(code, byref(text))
        said = (text.value.decode() if text.value else "unknown error") + more
        advice = f": {ADVICE[code]}" if code in ADVICE else ""
        raise DriverError(f"{name} failed with error {code}, {said}{advice}")

    # -- devices ----------------------------------------------------------------------------------------------

    def count(self) -> int:
        """How many devices there are."""
        return self.devices

    @functools.cache  # noqa: B019 (there is one driver)
    def handle(self, device: int) -> int:
        found = c_int()
        self.call("cuDeviceGet", byref(found), device)
        return found.value

    @functools.cache  # noqa: B019
    def attribute(self, device: int, which: int) -> int:
        found = c_int()
        self.call("cuDeviceGetAttribute", byref(found), which, self.handle(device))
        return found.value

    @functools.cache  # noqa: B019
    def context(self, device: int) -> int:
        """The primary context, made when it is first needed and kept until the process ends."""
        found = c_void_p()
        self.call("cuDevicePrimaryCtxRetain", byref(found), self.handle(device))
        return found.value or 0

    def enter(self, device: int) -> None:
        """Make the device the one that the calls of this thread are about."""
        if self.entered.device != device or self.devices > 1:  # another library may have left it
            self.call("cuCtxSetCurrent", c_void_p(self.context(device)))
            self.entered.device = device

    def name(self, device: int) -> str:
        """What the device is called."""
        text = ctypes.create_string_buffer(100)
        self.call("cuDeviceGetName", text, len(text), self.handle(device))
        return text.value.decode()

    def capability(self, device: int) -> tuple[int, int]:
        """The compute capability, such as (9, 0)."""
        return self.attribute(device, MAJOR), self.attribute(device, MINOR)

    def processors(self, device: int) -> int:
        """How many multiprocessors it has."""
        return self.attribute(device, PROCESSORS)

    def memory_info(self, device: int) -> tuple[int, int]:
        """Bytes that are free, and bytes that there are."""
        self.enter(device)
        free, total = c_size_t(), c_size_t()
        self.call("cuMemGetInfo_v2", byref(free), byref(total))
        return free.value, total.value

    # -- memory -----------------------------------------------------------------------------------------------

    def allocate(self, device: int, size: int) -> int | None:
        """The address of new memory, or None if there is none left."""
        self.enter(device)
        address = c_uint64()
        code = self.library.cuMemAlloc_v2(byref(address), c_size_t(size))
        if code == OUT_OF_MEMORY:
            return None
        if code:
            self.fail("cuMemAlloc_v2", code)
        return address.value

    def release(self, device: int, address: int) -> None:
        """Give memory back."""
        self.enter(device)
        self.call("cuMemFree_v2", c_uint64(address))

    def upload(self, device: int, address: int, array: Array, stream: int) -> None:
        """Copy a contiguous array to the device; what is copied is what it holds now."""
        self.enter(device)
        data = c_void_p(array.__array_interface__["data"][0])  # .ctypes takes a microsecond
        self.call("cuMemcpyHtoDAsync_v2", c_uint64(address), data, c_size_t(array.nbytes), c_void_p(stream))

    def download(self, device: int, array: Array, address: int, stream: int) -> None:
        """Copy from the device into a contiguous array, and wait for it."""
        self.enter(device)
        data = c_void_p(array.__array_interface__["data"][0])
        self.call("cuMemcpyDtoHAsync_v2", data, c_uint64(address), c_size_t(array.nbytes), c_void_p(stream))
        self.call("cuStreamSynchronize", c_void_p(stream))

    def device_at(self, address: int) -> int:
        """The number of the device to which the memory there belongs."""
        found = c_int()
        self.call("cuPointerGetAttribute", byref(found), DEVICE_ORDINAL, c_uint64(address))
        return found.value

    def copy(self, device: int, to: int, address: int, size: int, stream: int) -> None:
        """Copy within the device, or from another one."""
        self.enter(device)
        self.call("cuMemcpyAsync", c_uint64(to), c_uint64(address), c_size_t(size), c_void_p(stream))

    # -- kernels ----------------------------------------------------------------------------------------------

    def load(self, device: int, ptx: str, shared: int = 0) -> int:
        """A kernel from its PTX, for which the driver makes machine code (and keeps it on disk)."""
        self.enter(device)
        module, function = c_void_p(), c_void_p()
        log = ctypes.create_string_buffer(4096)
        options, values = (c_int * 2)(LOG, LOG_SIZE), (c_void_p * 2)(ctypes.addressof(log), len(log))
        code = self.library.cuModuleLoadDataEx(byref(module), ptx.encode(), len(options), options, values)
        if code:
            self.fail("cuModuleLoadDataEx", code, f": {log.value.decode(errors='replace')}" if log.value else "")
        self.call("cuModuleGetFunction", byref(function), module, shim.entry(ptx).encode())
        if shared > 48 << 10:
            self.call("cuFuncSetAttribute", function, DYNAMIC_SHARED, shared)
        return function.value or 0

    def launch(
        self,
        device: int,
        function: int,
        grid: Size,
        block: Size,
        shared: int,
        stream: int,
        layout: struct.Struct,
        arguments: Sequence[float],
    ) -> None:
        """Start a kernel whose arguments lie as in a C struct of that layout. The driver copies them at once."""
        self.enter(device)
        with self.launching:
            layout.pack_into(self.arguments, 0, *arguments)
            self.size.value = layout.size
            code = self.library.cuLaunchKernel(
                c_void_p(function), *grid, *block, shared, c_void_p(stream), None, self.extra
            )
        if code:
            self.fail("cuLaunchKernel", code)

    # -- streams and events -----------------------------------------------------------------------------------

    def synchronize(self, device: int, stream: int | None = None) -> None:
        """Wait until a stream, or all of the device, has done its work."""
        self.enter(device)
        if stream is None:
            self.call("cuCtxSynchronize")
        else:
            self.call("cuStreamSynchronize", c_void_p(stream))

    def new_stream(self, device: int) -> int:
        """A stream: what is started on it runs in order, beside what runs on others."""
        self.enter(device)
        stream = c_void_p()
        self.call("cuStreamCreate", byref(stream), NON_BLOCKING)
        return stream.value or 0

    def is_done(self, device: int, stream: int) -> bool:
        """Whether a stream has done its work."""
        self.enter(device)
        code = self.library.cuStreamQuery(c_void_p(stream))
        if code not in (0, NOT_READY):
            self.fail("cuStreamQuery", code)
        return not code

    def new_event(self, device: int, timing: bool) -> int:
        """An event, which notes when a stream has come to it."""
        self.enter(device)
        event = c_void_p()
        self.call("cuEventCreate", byref(event), 0 if timing else 2)
        return event.value or 0

    def end_event(self, device: int, event: int) -> None:
        """Let go of an event."""
        self.enter(device)
        self.call("cuEventDestroy_v2", c_void_p(event))

    def record(self, device: int, event: int, stream: int) -> None:
        """Let the event happen when the stream has done what it was given so far."""
        self.enter(device)
        self.call("cuEventRecord", c_void_p(event), c_void_p(stream))

    def wait(self, device: int, stream: int, event: int) -> None:
        """Let the stream wait for the event."""
        self.enter(device)
        self.call("cuStreamWaitEvent", c_void_p(stream), c_void_p(event), 0)

    def wait_here(self, device: int, event: int) -> None:
        """Wait for the event."""
        self.enter(device)
        self.call("cuEventSynchronize", c_void_p(event))

    def has_happened(self, device: int, event: int) -> bool:
        """Whether the event has happened."""
        self.enter(device)
        code = self.library.cuEventQuery(c_void_p(event))
        if code not in (0, NOT_READY):
            self.fail("cuEventQuery", code)
        return not code

    def milliseconds(self, device: int, start: int, end: int) -> float:
        """The time from one event to another, both of which have happened."""
        self.enter(device)
        found = c_float()
        self.call("cuEventElapsedTime", byref(found), c_void_p(start), c_void_p(end))
        return found.value

    # -- graphs -----------------------------------------------------------------------------------------------

    def begin_capture(self, device: int, stream: int) -> None:
        """From here on, note what the stream is given instead of doing it."""
        self.enter(device)
        self.call("cuStreamBeginCapture_v2", c_void_p(stream), 2)  # what else this process does is not looked at

    def end_capture(self, device: int, stream: int) -> int:
        """What was noted, as a graph that can be launched."""
        self.enter(device)
        graph, executable = c_void_p(), c_void_p()
        self.call("cuStreamEndCapture", c_void_p(stream), byref(graph))
        try:
            self.call("cuGraphInstantiateWithFlags", byref(executable), graph, c_uint64(0))
        finally:
            self.call("cuGraphDestroy", graph)
        return executable.value or 0

    def abandon_capture(self, device: int, stream: int) -> None:
        """Take no more notes, and throw away those that there are: the stream works as before."""
        self.enter(device)
        graph = c_void_p()
        code = self.library.cuStreamEndCapture(
            c_void_p(stream), byref(graph)
        )  # fails if a call has ended the notes
        if not code and graph.value:
            self.call("cuGraphDestroy", graph)

    def launch_graph(self, device: int, graph: int, stream: int) -> None:
        """Do what was noted."""
        self.enter(device)
        self.call("cuGraphLaunch", c_void_p(graph), c_void_p(stream))

    def end_graph(self, device: int, graph: int) -> None:
        """Let go of a graph."""
        self.enter(device)
        self.call("cuGraphExecDestroy", c_void_p(graph))
