"""What is said to NVIDIA's driver, heard by a stand-in for its library."""

from __future__ import annotations

import ctypes
import struct
from typing import Any

import numpy as np
import pytest

from minigrad.kernels.cuda.driver import Driver, DriverError

PTX = ".visible .entry kernel_of_a_test(\n)"


class FakeLibrary:
    """Notes every call. A function returns the code that was set for it, and hands out handles that go up."""

    def __init__(self, **codes: int) -> None:
        self.codes, self.calls, self.handles = codes, [], iter(range(0x1000, 0x2000))

    def __getattr__(self, name: str) -> Any:
        def function(*arguments: Any) -> int:
            self.calls.append((name, arguments))
            for argument in arguments[:1]:
                target = getattr(argument, "_obj", None)  # of byref()
                if target is not None:
                    target.value = 2 if name == "cuDeviceGetCount" else next(self.handles)
            if name == "cuGetErrorString":
                arguments[1]._obj.value = b"what it says"
            return self.codes.get(name, 0)

        return function

    def names(self) -> list[str]:
        return [name for name, _ in self.calls]

    def arguments(self, name: str) -> tuple[Any, ...]:
        return next(arguments for called, arguments in reversed(self.calls) if called == name)


def test_it_starts_and_counts_the_devices() -> None:
    library = FakeLibrary()
    assert Driver(library).count() == 2
    assert library.names() == ["cuInit", "cuDeviceGetCount"]


def test_no_device_is_none_and_no_error() -> None:
    assert Driver(FakeLibrary(cuDeviceGetCount=100)).count() == 0


def test_a_driver_that_starts_without_a_device_has_none() -> None:
    library = FakeLibrary(cuInit=100, cuDeviceGetCount=3)  # so with an empty CUDA_VISIBLE_DEVICES
    assert Driver(library).count() == 0


def test_a_driver_that_does_not_start_says_why() -> None:
    with pytest.raises(DriverError, match="cuInit failed with error 999"):
        Driver(FakeLibrary(cuInit=999))


def test_a_process_that_was_forked_is_told_so() -> None:
    with pytest.raises(DriverError, match="start it by spawn"):
        Driver(FakeLibrary(cuMemAlloc_v2=3)).allocate(0, 512)


def test_ptx_that_is_refused_comes_with_what_the_compiler_says() -> None:
    library = FakeLibrary()

    def load(module: Any, ptx: bytes, count: int, options: Any, values: Any) -> int:
        assert (count, list(options), values[1]) == (2, [5, 6], 4096)
        ctypes.memmove(values[0], b"line 7: no such instruction", 28)
        return 218

    library.cuModuleLoadDataEx = load
    with pytest.raises(DriverError, match="error 218, what it says: line 7: no such instruction"):
        Driver(library).load(0, PTX)


def test_a_failure_says_what_was_called_and_what_the_driver_says() -> None:
    driver = Driver(FakeLibrary(cuCtxSynchronize=700))
    with pytest.raises(DriverError, match="cuCtxSynchronize failed with error 700, what it says: a kernel left"):
        driver.synchronize(0)


def test_out_of_memory_is_an_answer_and_no_error() -> None:
    assert Driver(FakeLibrary(cuMemAlloc_v2=2)).allocate(0, 512) is None
    assert Driver(FakeLibrary()).allocate(0, 512) is not None


def test_a_launch_hands_over_the_arguments_as_a_struct() -> None:
    library = FakeLibrary()
    seen: list[bytes] = []

    def launch(function: Any, *rest: Any) -> int:
        grid, block, (shared, stream, parameters, extra) = rest[:3], rest[3:6], rest[6:]
        assert (grid, block, shared, stream.value, parameters) == ((3, 1, 1), (256, 1, 1), 1024, 7, None)
        assert (extra[0], extra[2], extra[4]) == (1, 2, None)  # buffer, size, end
        size = ctypes.cast(extra[3], ctypes.POINTER(ctypes.c_size_t))[0]
        seen.append(ctypes.string_at(extra[1], size))
        return 0

    library.cuLaunchKernel = launch
    driver = Driver(library)
    arguments = (1, 2, 0.5, -3)
    driver.launch(0, driver.load(0, PTX), (3, 1, 1), (256, 1, 1), 1024, 7, struct.Struct("@QQfq"), arguments)
    assert seen == [struct.pack("@QQfq", *arguments)]


def test_a_kernel_is_loaded_by_the_name_in_its_ptx() -> None:
    library = FakeLibrary()
    Driver(library).load(0, PTX, shared=64 << 10)
    assert library.arguments("cuModuleGetFunction")[2] == b"kernel_of_a_test"
    assert library.arguments("cuFuncSetAttribute")[1:] == (8, 64 << 10)


def test_copies_name_address_and_size() -> None:
    library = FakeLibrary()
    array = np.arange(6, dtype=np.float32)
    Driver(library).upload(0, 0xABC, array, 5)
    to, source, size, stream = library.arguments("cuMemcpyHtoDAsync_v2")
    assert (to.value, source.value, size.value, stream.value) == (0xABC, array.ctypes.data, 24, 5)
    Driver(library).download(0, array, 0xABC, 5)
    assert library.names()[-2:] == ["cuMemcpyDtoHAsync_v2", "cuStreamSynchronize"]


def test_a_capture_becomes_a_graph_and_its_notes_are_thrown_away() -> None:
    library = FakeLibrary()
    driver = Driver(library)
    stream = driver.new_stream(0)
    driver.begin_capture(0, stream)
    graph = driver.end_capture(0, stream)
    driver.launch_graph(0, graph, stream)
    driver.end_graph(0, graph)
    assert [name for name in library.names() if "Graph" in name or "Capture" in name] == [
        "cuStreamBeginCapture_v2",
        "cuStreamEndCapture",
        "cuGraphInstantiateWithFlags",
        "cuGraphDestroy",
        "cuGraphLaunch",
        "cuGraphExecDestroy",
    ]


def test_a_capture_that_failed_keeps_nothing() -> None:
    library = FakeLibrary(cuGraphInstantiateWithFlags=1)
    with pytest.raises(DriverError, match="cuGraphInstantiateWithFlags"):
        Driver(library).end_capture(0, 1)
    assert library.names()[-1] == "cuGraphDestroy"


@pytest.mark.parametrize(("code", "last"), [(0, "cuGraphDestroy"), (901, "cuStreamEndCapture")])
def test_a_capture_is_abandoned_even_if_the_driver_has_ended_it(code: int, last: str) -> None:
    class Library(FakeLibrary):
        def cuStreamEndCapture(self, stream: Any, graph: Any) -> int:
            self.calls.append(("cuStreamEndCapture", (stream, graph)))
            graph._obj.value = None if code else 0x500
            return code

    library = Library()
    Driver(library).abandon_capture(0, 1)
    assert library.names()[-1] == last


def test_memory_knows_its_device() -> None:
    library = FakeLibrary()
    assert Driver(library).device_at(0xABC) == 0x1000  # what the stand-in gives first
    assert library.arguments("cuPointerGetAttribute")[1] == 9
