"""What there is to say about GPUs: which there are, memory, streams, events, graphs. The names are PyTorch's.

Nothing of CUDA is imported before one of these functions, or a tensor on a GPU, is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import ModuleType
from typing import Any

from minigrad import kernels
from minigrad.conversion import cuda_device
from minigrad.generator import common, draw_key
from minigrad.kernels import OutOfMemoryError
from minigrad.tensor import Tensor

__all__ = ["Event", "Graph", "OutOfMemoryError", "Stream", "current_device", "current_stream"]
__all__ += ["device_count", "empty_cache", "fuse", "get_device_capability", "get_device_name"]
__all__ += ["graph", "is_available", "kernel_launches", "max_memory_allocated"]
__all__ += ["max_memory_reserved", "memory_allocated", "memory_reserved", "memory_summary"]
__all__ += ["missing", "reset_peak_memory_stats", "set_device", "stream", "synchronize"]

Device = int | str | None  # the current one, its number, or its name

# -- devices --------------------------------------------------------------------------------------------------


def _devices() -> ModuleType:
    kernels.load("cuda")
    from minigrad.kernels.cuda import device

    return device


def _index(device: Device) -> int:
    found: int = _devices().find(cuda_device(device))
    return found


def missing() -> str | None:
    """What is missing for a GPU, the driver, a device or the compiler, and what to do; None if nothing."""
    try:
        found: str | None = _devices().missing()
    except ImportError as error:  # of the package that compiles
        return str(error)
    return found


def is_available() -> bool:
    """Whether tensors can be on a GPU here; :func:`missing` says why not."""
    return missing() is None


def device_count() -> int:
    """How many GPUs can be used."""
    found: int = 0 if missing() else _devices().count()
    return found


def current_device() -> int:
    """The number of the device that ``"cuda"`` means in this thread."""
    return _index(None)


def set_device(device: int | str) -> None:
    """Let ``"cuda"`` mean that device, in this thread."""
    _devices().current.device = _index(device)


def get_device_name(device: Device = None) -> str:
    """What the device is called."""
    found: str = _devices().driver().name(_index(device))
    return found


def get_device_capability(device: Device = None) -> tuple[int, int]:
    """Its compute capability, such as (9, 0): what its instructions are."""
    found: tuple[int, int] = _devices().device(_index(device)).capability
    return found


def synchronize(device: Device = None) -> None:
    """Wait until the device has done all its work. Raises IndexError if a kernel has met an index out of range."""
    index = _index(device)
    _devices().flush_all()
    _devices().driver().synchronize(index)
    from minigrad.kernels.cuda.faults import check

    check(index)


@contextmanager
def fuse(on: bool) -> Iterator[None]:
    """Inside the ``with``, let a short chain of elementwise work be one launch, or one for each function.

    It is one anyway: ``with mg.cuda.fuse(False):`` is for finding out what that is worth, and for a profiler that
    is to tell of every function. What is computed is the same, bit for bit; but of a chain, what nobody holds any
    more when its turn comes is not computed at all. It is a matter of this thread alone.
    """
    current = _devices().current
    before = current.fuses
    _devices().flush()
    current.fuses = on
    try:
        yield
    finally:
        current.fuses = before


def kernel_launches(device: Device = None) -> int:
    """How many kernels were started on the device so far, without those that graphs repeat."""
    index = _index(device)
    _devices().flush_all()
    return int(_devices().device(index).launches)


# -- memory ---------------------------------------------------------------------------------------------------


def _memory(device: Device) -> Any:
    _devices().flush_all()  # what is put off has no memory yet
    return _devices().device(_index(device)).memory


def memory_allocated(device: Device = None) -> int:
    """The bytes that tensors use."""
    return int(_memory(device).allocated)


def max_memory_allocated(device: Device = None) -> int:
    """The most bytes that tensors have used at once."""
    return int(_memory(device).max_allocated)


def memory_reserved(device: Device = None) -> int:
    """The bytes that were taken from the driver, for tensors now and later."""
    return int(_memory(device).reserved)


def max_memory_reserved(device: Device = None) -> int:
    """The most bytes that were taken from the driver at once."""
    return int(_memory(device).max_reserved)


def reset_peak_memory_stats(device: Device = None) -> None:
    """Let :func:`max_memory_allocated` and :func:`max_memory_reserved` begin anew."""
    _memory(device).reset_peaks()


def empty_cache(device: Device = None) -> None:
    """Give memory that no tensor uses back to the driver, for other programs. Waits for the device."""
    _memory(device).empty()


def memory_summary(device: Device = None) -> str:
    """The figures above as a table."""
    from minigrad.kernels.cuda.memory import text

    memory, index = _memory(device), _index(device)
    free, total = _devices().driver().memory_info(index)
    lines = [
        (f"cuda:{index}", "now", "at most"),
        ("tensors", text(memory.allocated), text(memory.max_allocated)),
        ("reserved", text(memory.reserved), text(memory.max_reserved)),
        ("free on the device", text(free), text(total)),
        ("asked of the driver", f"{memory.allocations} times", ""),
    ]
    return "\n".join(f"{name:20}{now:>12}{most:>12}".rstrip() for name, now, most in lines)


# -- streams and events ---------------------------------------------------------------------------------------


class Stream:
    """Work that runs in order, beside the work of other streams. ``with mg.cuda.stream(s):`` uses it.

    A tensor that was made on one stream and is used on another must be kept until that has happened: its memory
    is reused in the order of the stream that made it.
    """

    def __init__(self, device: Device = None) -> None:
        self.device = _index(device)
        self.driver = _devices().driver()
        self.handle: int = self.driver.new_stream(self.device)

    def synchronize(self) -> None:
        """Wait until it has done its work."""
        _devices().flush_all()
        self.driver.synchronize(self.device, self.handle)

    def query(self) -> bool:
        """Whether it has done its work."""
        _devices().flush_all()
        return bool(self.driver.is_done(self.device, self.handle))

    def record_event(self, event: Event | None = None) -> Event:
        """An event that happens when it has done what it was given so far."""
        event = event or Event()
        event.record(self)
        return event

    def wait_event(self, event: Event) -> None:
        """Let it wait for the event before it goes on."""
        _devices().flush_all()
        self.driver.wait(self.device, self.handle, event.handle_on(self.device))

    def wait_stream(self, other: Stream) -> None:
        """Let it wait for what the other was given so far."""
        self.wait_event(other.record_event())

    def __repr__(self) -> str:
        return f"<Stream {self.handle} on cuda:{self.device}>"


def current_stream(device: Device = None) -> Stream:
    """The stream on which this thread works."""
    index = _index(device)
    found = Stream.__new__(Stream)
    found.device, found.driver, found.handle = index, _devices().driver(), _devices().stream(index)
    return found


@contextmanager
def stream(used: Stream) -> Iterator[Stream]:
    """Inside the ``with``, let this thread work on a stream."""
    streams = _devices().current.streams
    before = streams.get(used.device, 0)
    _devices().flush()
    streams[used.device] = used.handle
    try:
        yield used
        _devices().flush()
    finally:
        streams[used.device] = before


class Event:
    """A point in the work of a stream, to wait for, or to take the time of with ``enable_timing``."""

    def __init__(self, enable_timing: bool = False) -> None:
        self.enable_timing = enable_timing
        self.place: tuple[int, int] | None = None  # its device and the driver's handle, once it was recorded

    def handle_on(self, device: int) -> int:
        """The driver's handle. Raises RuntimeError if it was never recorded."""
        if self.place is None:
            raise RuntimeError("this event was never recorded: call record() first")
        return self.place[1]

    def record(self, on: Stream | None = None) -> None:
        """Let it happen when the stream, the current one by default, has done what it was given so far."""
        on = on or current_stream()
        if self.place is None or self.place[0] != on.device:
            self._let_go()
            self.place = on.device, on.driver.new_event(on.device, self.enable_timing)
        _devices().flush_all()
        on.driver.record(on.device, self.place[1], on.handle)

    def wait(self, by: Stream | None = None) -> None:
        """Let a stream, the current one by default, wait for it."""
        (by or current_stream()).wait_event(self)

    def synchronize(self) -> None:
        """Wait until it has happened."""
        if self.place is not None:
            _devices().driver().wait_here(*self.place)

    def query(self) -> bool:
        """Whether it has happened."""
        return self.place is None or bool(_devices().driver().has_happened(*self.place))

    def elapsed_time(self, end: Event) -> float:
        """The milliseconds from this event to another. Raises RuntimeError without ``enable_timing``."""
        if not (self.enable_timing and end.enable_timing):
            raise RuntimeError("elapsed_time() needs events made with enable_timing=True")
        start = self.handle_on(0)
        end.synchronize()
        assert self.place is not None
        return float(_devices().driver().milliseconds(self.place[0], start, end.handle_on(self.place[0])))

    def _let_go(self) -> None:
        """Give the handle back; the driver keeps the event until it has happened."""
        if self.place is not None:
            _devices().driver().end_event(*self.place)
            self.place = None

    def __del__(self) -> None:
        with suppress(Exception):  # at the end of the process there may be no driver any more
            self._let_go()


# -- graphs ---------------------------------------------------------------------------------------------------


class Graph:
    """What a function did on the GPU, to be done again by one call of the driver; see :func:`graph`."""

    def __init__(self, fn: Callable[..., Any], inputs: tuple[Tensor, ...], warmup: int) -> None:
        from minigrad.kernels.cuda import faults

        self.devices, self.faults = _devices(), faults
        self.devices.check_not_noting("the function makes a graph of its own")
        self.inputs = tuple(t.detach().clone().requires_grad_(t.requires_grad) for t in inputs)
        self.device = current_device()
        self.driver, self.memory = self.devices.driver(), _memory(None)
        self.stream = Stream()
        self.memory.keep(self.stream.handle)
        try:
            synchronize()
            with stream(self.stream):
                for _ in range(warmup):
                    fn(*self.inputs)
                synchronize()
                self._capture(fn)
        except BaseException:
            self.memory.let_go(self.stream.handle)
            raise

    def _capture(self, fn: Callable[..., Any]) -> None:
        """Take the notes. Of what ``fn`` does on the host, counts and random numbers are taken back.

        Whatever ``fn`` raises, the driver is let go of the notes, and this thread goes on as before.
        """
        from minigrad.kernels.cuda.notes import Notes

        self.notes, random = Notes(self.device, draw_key), common.numpy.bit_generator.state
        self.faults.expect(self.device, [])
        self.driver.begin_capture(self.device, self.stream.handle)
        kernels.taking.notes = self.notes
        self.memory.noting += 1
        try:
            self.outputs = fn(*self.inputs)
            self.devices.flush()
        except BaseException:
            with suppress(Exception):
                self.devices.flush()  # what was put off belongs to the notes, and goes with them
            self.driver.abandon_capture(self.device, self.stream.handle)
            raise
        finally:
            kernels.taking.notes = None
            self.memory.noting -= 1
            common.numpy.bit_generator.state = random
        self.handle: int = self.driver.end_capture(self.device, self.stream.handle)
        self.suspects = self.faults.suspects(self.device)

    def __call__(self, *inputs: Tensor) -> Any:
        """Copy new values into the inputs, do all of it again, and return the outputs, in the same memory as ever.

        Raises ValueError for other inputs than those of the capture, RuntimeError for an optimiser of which more
        than numbers has changed. Nothing has been done then.
        """
        self.devices.check_not_noting("the function calls another graph")
        pairs: list[Any] = [(t.array, new.array) for t, new in zip(self.inputs, inputs)]  # noqa: B905 (see below)
        is_known = len(inputs) == len(self.inputs)
        for x, new in pairs:
            is_known = is_known and x.shape == new.shape and x.dtype == new.dtype
        if not is_known:
            kinds = [[(t.shape, t.dtype) for t in each] for each in (self.inputs, inputs)]
            raise ValueError(f"this graph was captured with inputs {kinds[0]}, it was called with {kinds[1]}")
        for x, new in pairs:
            if kernels.device_of(new) != kernels.device_of(x):
                places = f"{kernels.device_of(x)}, it was called with one on {kernels.device_of(new)}"
                raise RuntimeError(f"this graph has its inputs on {places}")
        self.notes.renew()
        self.devices.flush_all()  # what reads the inputs, or what the graph may change
        stream = self.devices.stream(self.device)
        for x, new in pairs:
            if not (x.contiguous and new.contiguous):
                kernels.write(x, new)
            elif x.size and x.address != new.address:
                self.driver.copy(self.device, x.address, new.address, x.nbytes, stream)
        self.faults.expect(self.device, self.suspects)
        self.driver.launch_graph(self.device, self.handle, stream)
        return self.outputs

    def __del__(self) -> None:
        if hasattr(self, "handle"):
            self.driver.end_graph(self.device, self.handle)
            self.memory.let_go(self.stream.handle)


def graph(fn: Callable[..., Any], *inputs: Tensor, warmup: int = 2) -> Graph:
    """Note what ``fn`` does on the GPU, and return a function that does it again at the price of one launch.

    ``step = mg.cuda.graph(fn, x, y)`` runs ``fn(x, y)`` ``warmup`` times for real, which compiles kernels and
    finds memory, and then once more only to take notes. ``step(x, y)`` copies its arguments to where those of the
    first call were, and repeats the notes. ``fn`` may be a forward pass, or a whole training step: ``zero_grad``,
    ``backward`` and ``step`` of an optimiser: of any in ``mg.optim`` but those in ``composed.py``.

    Repeated is what the GPU did, not what Python did: sizes, branches and most numbers stay as they were. Anew for
    each call are

    * the hyper-parameters of an optimiser, such as an ``lr`` that a schedule has changed between two calls, and
      its count of steps: ``state_dict()`` is right after any mixture of calls and other steps;
    * the random numbers of a dropout, drawn from the common generator as by a step without a graph: after
      ``mg.manual_seed(0)`` both drop the same elements.

    An error in ``fn``, such as too little memory, ends the notes, and everything else goes on as before; gradients
    that ``fn`` had set by then are not computed.

    Raises:
        RuntimeError: ``fn`` copies between the host and the device, or prints; it takes the first step of an
            optimiser, which makes what that remembers, as it may without ``warmup``, or one of Adadelta, NAdam and
            RAdam.
        OutOfMemoryError: no memory can be given back while notes are taken; call :func:`empty_cache` before.
    """
    return Graph(fn, inputs, warmup)
