"""The speed of minigrad on a GPU, beside PyTorch on the same one in the same run.

    python tests/benchmarks/gpu.py            prints a table
    python tests/benchmarks/gpu.py --write    and puts it into docs/benchmarks.md
    python tests/benchmarks/gpu.py --quick    the same with few repetitions, to see that everything runs

Needs a GPU, the extra ``cuda12`` or ``cuda13``, and PyTorch with CUDA. Times are those of the device, between
two events, after warm-up; inputs change from call to call, so that none is in a cache because it was there before;
ours and theirs take turns, and the median of each counts. Elementwise work is compared with a copy within the
device, which is what the memory allows. Matrix products have a script of their own, ``cuda_matmul.py``.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import minigrad as mg
from minigrad import kernels, nn
from minigrad.nn import functional as F

Call = Callable[[int], Any]  # with the number of the input that is taken
SETS = 4  # inputs in turn
ELEMENTS, SIDE = 10**8, 8192  # of vectors, and of square matrices
LAYERS, BATCHES = (784, 128, 64, 10), (64, 4096)
PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"
BEGIN, END = "<!-- written by tests/benchmarks/gpu.py -->", "<!-- end of what gpu.py writes -->"


@dataclass
class Row:
    """A line of the table.

    Attributes:
        work: what is done.
        ours, theirs: milliseconds.
        reach: the speed aimed at.
        speed: beside ``against``; by default how many times as fast as the peer.
        against: what the speed is a part of.
    """

    work: str
    ours: float
    theirs: float
    reach: float
    speed: float = 0.0
    against: str = "PyTorch"

    def __post_init__(self) -> None:
        self.speed = self.speed or self.theirs / self.ours

    def cells(self) -> list[str]:
        """What stands in the table; times in microseconds."""
        reached = "yes" if self.speed >= self.reach else "no"
        times = f"{self.ours * 1e3:.1f}", f"{self.theirs * 1e3:.1f}"
        return [self.work, *times, f"{self.speed:.2f} of {self.against}", f"{self.reach:g}", reached]


WIDTHS = (40, 10, 10, 32, 4, 3)
HEADS = ["work", "minigrad, µs", "PyTorch, µs", "speed", "aim", "reached"]


class Clock:
    """Times on the device, by the events of one library."""

    def __init__(self, library: Any) -> None:
        self.library = library
        self.start, self.end = (library.cuda.Event(enable_timing=True) for _ in range(2))

    def milliseconds(self, call: Call, times: int) -> float:
        """One call, of ``times`` in a row."""
        self.start.record()
        for i in range(times):
            result = call(i % SETS)
            if isinstance(result, mg.Tensor):
                result.data_ptr()  # elementwise work that nobody looks at would not be done
        self.end.record()
        self.end.synchronize()
        return float(self.start.elapsed_time(self.end)) / times


def compare(ours: Call, theirs: Call, torch: Any, rounds: int, times: int) -> tuple[float, float]:
    """The median time of each, in milliseconds, in turns."""
    clocks = (Clock(mg), ours), (Clock(torch), theirs)
    for clock, call in clocks:
        clock.milliseconds(call, max(times, 3))
    found: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for (clock, call), times_of in zip(clocks, found, strict=True):
            times_of.append(clock.milliseconds(call, times))
    return statistics.median(found[0]), statistics.median(found[1])


def both(torch: Any, *shapes: Sequence[int]) -> tuple[list[list[mg.Tensor]], list[list[Any]]]:
    """The same random inputs for minigrad and for PyTorch, SETS of them."""
    ours, theirs = [], []
    for k in range(SETS):
        arrays = [
            np.random.default_rng((k, i)).standard_normal(shape, np.float32) for i, shape in enumerate(shapes)
        ]
        ours.append([mg.tensor(array, device="cuda") for array in arrays])
        theirs.append([torch.tensor(array, device="cuda") for array in arrays])
    return ours, theirs


# -- bound by memory ------------------------------------------------------------------------------------------


COPY = "a copy's bandwidth"


def elementwise(torch: Any, rounds: int) -> Iterator[Row]:
    """Functions of many elements: bytes a second, beside a copy."""
    n = ELEMENTS
    x, theirs = both(torch, (n,), (n,))
    copied = compare(lambda i: x[i][0].clone(), lambda i: theirs[i][0].clone(), torch, rounds, 5)
    bandwidth = 8 * n / min(copied) / 1e6
    yield Row(f"copy of {n:,} elements: {bandwidth:,.0f} GB/s", *copied, 0.9, min(copied) / copied[0], COPY)
    for name in ("relu", "gelu", "sigmoid", "add"):
        operands = 2 if name == "add" else 1
        peer = torch.nn.functional.gelu if name == "gelu" else getattr(torch, name)
        calls = [
            functools.partial(on_operands, function, inputs, operands)
            for function, inputs in ((getattr(mg, name), x), (peer, theirs))
        ]
        found = compare(*calls, torch, rounds, 5)
        speed = 4 * (operands + 1) * n / found[0] / 1e6
        yield Row(f"{name}, {n:,} elements", *found, 0.9, speed / bandwidth, COPY)


def on_operands(function: Callable[..., Any], inputs: list[list[Any]], operands: int, i: int) -> Any:
    """The function of the first operands of an input."""
    return function(*inputs[i][:operands])


def written_out(x: Any) -> Any:
    """GELU with tanh, as nine functions, each of one number or of two."""
    return 0.5 * x * (1 + ((x + 0.044715 * x * x * x) * 0.7978845608).tanh())


def scaled(x: Any, m: Any, s: Any, b: Any) -> Any:
    """Three functions, whose second operands broadcast."""
    return (x - m) * s + b


def chains(torch: Any, rounds: int) -> Iterator[Row]:
    """Functions written out, as one launch and with one for each function, beside PyTorch without its compiler."""
    n, side = ELEMENTS, SIDE
    calls: dict[str, tuple[Callable[..., Any], list[tuple[int, ...]]]] = {
        f"gelu written out, {n:,} elements": (written_out, [(n,)]),
        f"(x - m) s + b, ({side}, {side}), of rows": (scaled, [(side, side), *[(side,)] * 3]),
    }
    for name, (function, shapes) in calls.items():
        ours, theirs = both(torch, *shapes)
        copied = compare(lambda i: ours[i][0].clone(), lambda i: theirs[i][0].clone(), torch, rounds, 5)  # noqa: B023

        def fused(i: int) -> Any:
            return function(*ours[i])  # noqa: B023

        def apart(i: int) -> Any:
            with mg.cuda.fuse(False):
                return function(*ours[i])  # noqa: B023

        def peer(i: int) -> Any:
            return function(*theirs[i])  # noqa: B023

        found = compare(fused, peer, torch, rounds, 5)
        yield Row(name, *found, 0.8, min(copied) / found[0], COPY)
        yield Row("the same, a launch for each function", *compare(apart, peer, torch, rounds, 5), 1.0)


def lines(torch: Any, rounds: int) -> Iterator[Row]:
    """Softmax and sums of a square matrix."""
    side = SIDE
    x, theirs = both(torch, (side, side))
    copied = compare(lambda i: x[i][0].clone(), lambda i: theirs[i][0].clone(), torch, rounds, 10)
    bandwidth = 8 * side * side / min(copied)
    calls: dict[str, tuple[Call, Call, int]] = {
        "softmax": (lambda i: x[i][0].softmax(1), lambda i: theirs[i][0].softmax(1), 8),
        "sum over dim 0": (lambda i: x[i][0].sum(0), lambda i: theirs[i][0].sum(0), 4),
        "sum over dim 1": (lambda i: x[i][0].sum(1), lambda i: theirs[i][0].sum(1), 4),
        "sum of all": (lambda i: x[i][0].sum(), lambda i: theirs[i][0].sum(), 4),
    }
    for name, (ours, peer, moved) in calls.items():
        found = compare(ours, peer, torch, rounds, 10)
        yield Row(f"{name}, {(side, side)}", *found, 0.8, moved * side * side / found[0] / bandwidth, COPY)


# -- a small net ----------------------------------------------------------------------------------------------


def nets(torch: Any) -> tuple[Any, Any]:
    """The same net of both libraries."""
    sizes = list(itertools.pairwise(LAYERS))
    found = []
    for library in (nn, torch.nn):
        layers = [part for a, b in sizes for part in (library.Linear(a, b), library.ReLU())][:-1]
        found.append(library.Sequential(*layers).to("cuda"))
    return found[0], found[1]


def small_net(torch: Any, rounds: int) -> Iterator[Row]:
    """Forward and training step of 784-128-64-10, eager and as a graph."""
    for batch in BATCHES:
        yield from steps_of(torch, rounds, batch)


def steps_of(torch: Any, rounds: int, batch: int) -> Iterator[Row]:
    """The same for one size of batch."""
    ours, theirs = nets(torch)
    x, tx = both(torch, (batch, LAYERS[0]))
    y = [mg.randint(LAYERS[-1], size=(batch,), device="cuda") for _ in range(SETS)]
    ty = [torch.tensor(t.cpu().numpy(), device="cuda") for t in y]
    step = mg.optim.SGD(ours.parameters(), lr=0.01, momentum=0.9)
    their_step = torch.optim.SGD(theirs.parameters(), lr=0.01, momentum=0.9)

    @mg.no_grad()
    def forward(x: mg.Tensor) -> mg.Tensor:
        return ours(x)

    @torch.no_grad()
    def their_forward(x: Any) -> Any:
        return theirs(x)

    def train(x: mg.Tensor, y: mg.Tensor) -> None:
        step.zero_grad()
        F.cross_entropy(ours(x), y).backward()
        step.step()

    def their_train(x: Any, y: Any) -> None:
        their_step.zero_grad(set_to_none=True)
        torch.nn.functional.cross_entropy(theirs(x), y).backward()
        their_step.step()

    def turns(ours: Callable[..., Any], theirs: Callable[..., Any], count: int) -> tuple[float, float]:
        calls = [
            lambda i: ours(*(x[i][0], y[i])[:count]),
            lambda i: theirs(*(tx[i][0], ty[i])[:count]),
        ]
        return compare(*calls, torch, rounds, 50)

    for name, call, peer, count in (
        ("forward", forward, their_forward, 1),
        ("training step", train, their_train, 2),
    ):
        yield Row(f"{name}, batch {batch}", *turns(call, peer, count), 0.7)
        graph = mg.cuda.graph(call, *(x[0][0], y[0])[:count])
        their_graph = captured(torch, peer, *(tx[0][0], ty[0])[:count])
        yield Row(f"{name}, batch {batch}, graphs of both", *turns(graph, their_graph, count), 1.0)


def captured(torch: Any, call: Callable[..., Any], *inputs: Any) -> Callable[..., Any]:
    """PyTorch's graph of a function, as its documentation makes one."""
    held = [x.clone() for x in inputs]
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            call(*held)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        result = call(*held)

    def run(*inputs: Any) -> Any:
        for x, new in zip(held, inputs, strict=True):
            x.copy_(new)
        graph.replay()
        return result

    return run


def driver_calls() -> str:
    """How often the driver is asked for memory by each training step, eager and as a graph."""
    kernels.load("cuda")
    from minigrad.kernels.cuda import device

    memory = device.device(device.current.device).memory
    x, lines = mg.randn(BATCHES[0], LAYERS[0], device="cuda"), []
    for name, p in (("SGD", 0.0), ("Adam", 0.0), ("Adam", 0.5)):
        parts = nn.Linear(LAYERS[0], LAYERS[1]), nn.Dropout(p), nn.ReLU(), nn.Linear(*LAYERS[1:3])
        net = nn.Sequential(*parts).to("cuda")
        mg.cuda.empty_cache()
        train = functools.partial(train_on, net, getattr(mg.optim, name)(net.parameters(), lr=0.01))
        eager = [asked(memory, train, x) for _ in range(5)]
        graph = mg.cuda.graph(train, x)
        replays = [asked(memory, graph, x) for _ in range(5)]
        which = f"{name} and a dropout" if p else name
        lines.append(f"with {which} {eager[0]}, then {eager[1:]}, and replays of its graph {replays}")
    return (
        "How often a training step asks the driver for memory, the first and the next: " + "; ".join(lines) + "."
    )


def train_on(net: nn.Module, step: mg.optim.Optimizer, x: mg.Tensor) -> None:
    """One step of a net on its own output."""
    step.zero_grad()
    net(x).pow(2).mean().backward()
    step.step()


def asked(memory: Any, call: Callable[..., Any], *inputs: mg.Tensor) -> int:
    """How often the driver was asked for memory by a call."""
    before = memory.allocations
    call(*inputs)
    return int(memory.allocations - before)


def measure(torch: Any, rounds: int) -> Iterator[Row]:
    """All rows of the table."""
    for part in (elementwise, chains, lines, small_net):
        yield from part(torch, rounds)


def write(text: str) -> None:
    """Put the text between the marks of the page."""
    before, rest = PAGE.read_text().split(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{rest.split(END)[1]}")


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    options.add_argument("--quick", action="store_true", help="few repetitions")
    options.add_argument("--write", action="store_true", help=f"put the table into docs/{PAGE.name}")
    chosen = options.parse_args()
    lacking = mg.cuda.missing()
    if lacking:
        sys.exit(f"nothing can be measured here: what is missing is the {lacking}")
    try:
        import torch
    except ImportError:
        sys.exit("nothing can be compared here: what is missing is PyTorch, with CUDA")
    if not torch.cuda.is_available():
        sys.exit("nothing can be compared here: this PyTorch has no CUDA, or does not find the GPU")

    torch.backends.cuda.matmul.allow_tf32 = False
    where = f"{mg.cuda.get_device_name()}, PyTorch {torch.__version__}, Python {sys.version.split()[0]}"
    print(where, flush=True)
    rows = [HEADS]
    for row in measure(torch, 3 if chosen.quick else 25):
        rows.append(row.cells())
        print("  ".join(f"{cell:<{width}}" for cell, width in zip(rows[-1], WIDTHS, strict=True)), flush=True)
    said = driver_calls()
    print(said)
    if chosen.write:
        rows.insert(1, ["---"] * len(HEADS))
        table = "\n".join(f"| {' | '.join(cells)} |" for cells in rows)
        write(f"Measured on {where}.\n\n{table}\n\n{said}")


if __name__ == "__main__":
    main()
