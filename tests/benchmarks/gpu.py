"""The speed of minigrad on a GPU, beside PyTorch on the same one in the same run.

    python tests/benchmarks/gpu.py            prints a table
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
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import minigrad as mg
from minigrad import nn
from minigrad.nn import functional as F

Call = Callable[[int], Any]  # with the number of the input that is taken
SETS = 4  # inputs in turn
LAYERS = (784, 128, 64, 10)


class Clock:
    """Times on the device, by the events of one library."""

    def __init__(self, library: Any) -> None:
        self.library = library
        self.start, self.end = (library.cuda.Event(enable_timing=True) for _ in range(2))

    def milliseconds(self, call: Call, times: int) -> float:
        """One call, of ``times`` in a row."""
        self.start.record()
        for i in range(times):
            call(i % SETS)
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
            np.random.default_rng((k, i)).normal(size=shape).astype(np.float32) for i, shape in enumerate(shapes)
        ]
        ours.append([mg.tensor(array, device="cuda") for array in arrays])
        theirs.append([torch.tensor(array, device="cuda") for array in arrays])
    return ours, theirs


# -- bound by memory ------------------------------------------------------------------------------------------


def elementwise(torch: Any, rounds: int) -> None:
    """Functions of 1e8 elements: bytes a second, beside a copy."""
    n = 10**8
    x, theirs = both(torch, (n,), (n,))
    copied, copied_by_torch = compare(lambda i: x[i][0].clone(), lambda i: theirs[i][0].clone(), torch, rounds, 5)
    bandwidth = 8 * n / min(copied, copied_by_torch) / 1e9
    row("copy", copied, copied_by_torch, f"{bandwidth:.2f} TB/s is what memory gives")
    for name in ("relu", "gelu", "sigmoid", "add"):
        operands = 2 if name == "add" else 1
        peer = torch.nn.functional.gelu if name == "gelu" else getattr(torch, name)
        calls = [
            functools.partial(on_operands, function, inputs, operands)
            for function, inputs in ((getattr(mg, name), x), (peer, theirs))
        ]
        found = compare(*calls, torch, rounds, 5)
        speed = 4 * (operands + 1) * n / found[0] / 1e9
        row(name, *found, f"{speed:.2f} TB/s, {speed / bandwidth:.2f} of a copy")


def on_operands(function: Callable[..., Any], inputs: list[list[Any]], operands: int, i: int) -> Any:
    """The function of the first operands of an input."""
    return function(*inputs[i][:operands])


def lines(torch: Any, rounds: int) -> None:
    """Softmax and sums of (8192, 8192)."""
    side = 8192
    x, theirs = both(torch, (side, side))
    calls: dict[str, tuple[Call, Call, int]] = {
        "softmax": (lambda i: x[i][0].softmax(1), lambda i: theirs[i][0].softmax(1), 8),
        "sum, dim 0": (lambda i: x[i][0].sum(0), lambda i: theirs[i][0].sum(0), 4),
        "sum, dim 1": (lambda i: x[i][0].sum(1), lambda i: theirs[i][0].sum(1), 4),
        "sum of all": (lambda i: x[i][0].sum(), lambda i: theirs[i][0].sum(), 4),
    }
    for name, (ours, peer, moved) in calls.items():
        found = compare(ours, peer, torch, rounds, 10)
        row(name, *found, f"{moved * side * side / found[0] / 1e9:.2f} TB/s")


# -- a small net ----------------------------------------------------------------------------------------------


def nets(torch: Any) -> tuple[Any, Any]:
    """The same net of both libraries."""
    sizes = list(itertools.pairwise(LAYERS))
    found = []
    for library in (nn, torch.nn):
        layers = [part for a, b in sizes for part in (library.Linear(a, b), library.ReLU())][:-1]
        found.append(library.Sequential(*layers).to("cuda"))
    return found[0], found[1]


def small_net(torch: Any, rounds: int) -> None:
    """Forward and training step of 784-128-64-10, eager and as a graph."""
    for batch in (64, 4096):
        steps_of(torch, rounds, batch)


def steps_of(torch: Any, rounds: int, batch: int) -> None:
    """The same for one size of batch."""
    ours, theirs = nets(torch)
    x, tx = both(torch, (batch, LAYERS[0]))
    y = [mg.randint(LAYERS[-1], size=(batch,), device="cuda") for _ in range(SETS)]
    ty = [torch.tensor(t.cpu().numpy(), device="cuda") for t in y]
    step = mg.optim.SGD(ours.parameters(), lr=0.01, momentum=0.9)
    their_step = torch.optim.SGD(theirs.parameters(), lr=0.01, momentum=0.9)

    def forward(i: int) -> Any:
        with mg.no_grad():
            return ours(x[i][0])

    def their_forward(i: int) -> Any:
        with torch.no_grad():
            return theirs(tx[i][0])

    def train(x: mg.Tensor, y: mg.Tensor) -> None:
        step.zero_grad()
        F.cross_entropy(ours(x), y).backward()
        step.step()

    def their_train(x: Any, y: Any) -> None:
        their_step.zero_grad(set_to_none=True)
        torch.nn.functional.cross_entropy(theirs(x), y).backward()
        their_step.step()

    def turns(ours: Callable[..., Any], theirs: Callable[..., Any]) -> tuple[float, float]:
        return compare(
            lambda i: ours(x[i][0], y[i]), lambda i: theirs(tx[i][0], ty[i]), torch, rounds, 50
        )  # fmt: skip

    row(f"forward, batch {batch}", *compare(forward, their_forward, torch, rounds, 50), "eager")
    row(f"step, batch {batch}", *turns(train, their_train), "eager")
    graph, their_graph = mg.cuda.graph(train, x[0][0], y[0]), captured(torch, their_train, tx[0][0], ty[0])
    row(f"step, batch {batch}", *turns(graph, their_graph), "graphs of both")


def captured(torch: Any, train: Callable[..., None], x: Any, y: Any) -> Callable[..., None]:
    """PyTorch's graph of a training step, as its documentation makes one."""
    still, labels = x.clone(), y.clone()
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            train(still, labels)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        train(still, labels)

    def run(x: Any, y: Any) -> None:
        still.copy_(x)
        labels.copy_(y)
        graph.replay()

    return run


def driver_calls() -> None:
    """How often the driver is asked for memory by step 2 and later."""
    net, x = nn.Linear(512, 512).cuda(), mg.randn(128, 512, device="cuda")
    step = mg.optim.Adam(net.parameters())
    counts = []
    for _ in range(4):
        step.zero_grad()
        net(x).pow(2).mean().backward()
        step.step()
        counts.append(mg.cuda.memory_reserved())
    print(f"\nreserved after each step: {counts} bytes")


def row(name: str, ours: float, theirs: float, note: str) -> None:
    """A line of the table."""
    print(f"{name:24}{ours * 1e3:12.1f}{theirs * 1e3:12.1f}{theirs / ours:9.2f}   {note}", flush=True)


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    options.add_argument("--quick", action="store_true", help="few repetitions")
    rounds = 3 if options.parse_args().quick else 25
    lacking = mg.cuda.missing()
    if lacking:
        sys.exit(f"nothing can be measured here: what is missing is the {lacking}")
    import torch

    torch.backends.cuda.matmul.allow_tf32 = False
    print(f"{mg.cuda.get_device_name()}, PyTorch {torch.__version__}, Python {sys.version.split()[0]}")
    print(f"{'':24}{'minigrad us':>12}{'PyTorch us':>12}{'speed':>9}")
    for part in (elementwise, lines, small_net):
        part(torch, rounds)
    driver_calls()


if __name__ == "__main__":
    main()
