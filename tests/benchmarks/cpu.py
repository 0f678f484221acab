"""minigrad on the CPU against PyTorch and NumPy, in one run.

    python tests/benchmarks/cpu.py                 all sections, printed
    python tests/benchmarks/cpu.py matmul forward  some of them
    python tests/benchmarks/cpu.py --write         all of them, written to docs/benchmarks.md

Results are checked against float64 before they are timed, where that is quick. The contenders take turns, each
with the same inputs, of which there are several, so that no cache is flattered. A ratio is the time of the peer
over ours in the same round. Peers are those that are installed: PyTorch, and NumPy if its threads can be limited
(the extra ``peers``).
"""

from __future__ import annotations

import argparse
import functools
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attention
import numpy as np
from harness import OURS, Case, Result, geometric_mean, machine, measure, table, threadpool_limits, threads

import minigrad as mg
import training
from minigrad.kernels import cpu

try:
    import torch
except ImportError:
    torch = None  # type: ignore[assignment]

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"
SET_BYTES = 1 << 22  # of inputs to rotate through, if a set is smaller
FLOAT32, FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)

Arrays = tuple[np.ndarray, ...]


def random(*shapes: tuple[int, ...], dtype: np.dtype = FLOAT32, most: int = 64) -> list[Arrays]:
    """Sets of arrays of the shapes: at least two, and as many as fill SET_BYTES."""
    rng = np.random.default_rng(0)
    size = sum(int(np.prod(shape)) for shape in shapes) * dtype.itemsize
    count = int(np.clip(SET_BYTES // max(size, 1), 2, most))
    return [tuple(rng.standard_normal(shape).astype(dtype) for shape in shapes) for _ in range(count)]


def case(
    work: str,
    reach: float,
    sets: list[Arrays],
    exact: Callable[..., Any] | None,
    tolerance: float = 1e-5,
    **functions: Callable[..., Any] | None,
) -> Case:
    """A case from one function for each contender. ``torch`` is given tensors, the others arrays."""
    calls: dict[str, list[Callable[[], Any]]] = {}
    for name, function in functions.items():
        is_there = {"torch": torch, "numpy": threadpool_limits}.get(name, True)
        if function is None or not is_there:
            continue
        inputs = [tuple(map(torch.from_numpy, arrays)) for arrays in sets] if name == "torch" else sets
        calls["NumPy" if name == "numpy" else name] = [functools.partial(function, *arrays) for arrays in inputs]
    expected = None
    if exact is not None:
        expected = [np.asarray(exact(*(x.astype(np.float64) for x in arrays))) for arrays in sets]
    return Case(work, reach, calls, expected, tolerance)


# -- kernels --------------------------------------------------------------------------------------------------


def matmul(dtype: np.dtype, reach: float) -> Iterator[Case]:
    for n in (32, 64, 128, 256, 512, 1024, 2048):
        sets = random((n, n), (n, n), dtype=dtype)
        yield case(
            f"{n} × {n}",
            reach,
            sets,
            np.matmul,
            1e-4 if dtype == FLOAT32 else 1e-12,
            minigrad=cpu.matmul,
            numpy=np.matmul,
            torch=torch and torch.matmul,
        )


def layers() -> Iterator[Case]:
    product = functools.partial(
        case, tolerance=1e-4, minigrad=cpu.matmul, numpy=np.matmul, torch=torch and torch.matmul
    )
    for B, K, N in ((64, 784, 128), (1, 784, 128), (1024, 784, 128), (64, 64, 10)):
        yield product(f"x ({B}, {K}) @ W ({K}, {N})", 1.0, random((B, K), (K, N)), np.matmul)
        sets = [(x, W.T) for x, W in random((B, K), (N, K))]
        yield product(f"x ({B}, {K}) @ W ({N}, {K}).T", 1.0, sets, np.matmul)
        yield product(f"dz ({B}, {N}) @ W ({N}, {K})", 1.0, random((B, N), (N, K)), np.matmul)
        sets = [(dz.T, x) for dz, x in random((B, N), (B, K))]
        yield product(f"dz ({B}, {N}).T @ x ({B}, {K})", 1.0, sets, np.matmul)


def other_products() -> Iterator[Case]:
    product = functools.partial(
        case, tolerance=1e-4, minigrad=cpu.matmul, numpy=np.matmul, torch=torch and torch.matmul
    )
    for B in (1, 8, 32):
        yield product(f"({B}, 1024) @ (1024, 1024)", 1.0, random((B, 1024), (1024, 1024)), np.matmul)
    yield product("64 of 32 × 32", 1.0, random((64, 32, 32), (64, 32, 32)), np.matmul)
    heads = [(q.transpose(0, 2, 1, 3), k.transpose(0, 2, 3, 1)) for q, k in random(*[(16, 64, 4, 32)] * 2)]
    yield product("4 heads of 32, 64 tokens, batch 16: q @ k.T", 1.0, heads, np.matmul)


def erf(x: np.ndarray) -> np.ndarray:
    import math

    return np.vectorize(math.erf)(x)


def gelu(x: np.ndarray) -> np.ndarray:
    return x / 2 * (1 + erf(x / np.sqrt(2)))


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def elementwise() -> Iterator[Case]:
    functional = torch and torch.nn.functional
    for n in (1_000, 100_000, 10_000_000):
        sets = random((n,))
        for name, exact, ours, theirs in (
            ("relu", lambda x: np.maximum(x, 0), cpu.relu, torch and torch.relu),
            ("sigmoid", sigmoid, cpu.sigmoid, torch and torch.sigmoid),
            ("tanh", np.tanh, cpu.tanh, torch and torch.tanh),
            ("gelu", gelu if n < 1_000_000 else None, cpu.gelu, functional and functional.gelu),
            ("exp", np.exp, cpu.exp, torch and torch.exp),
        ):
            yield case(f"{name}, {n:,}", 1.0, sets, exact, 2e-6, minigrad=ours, torch=theirs)


def rows() -> Iterator[Case]:
    B, C = 1024, 1000
    sets = random((B, C))

    def logsumexp(z: np.ndarray) -> np.ndarray:
        return np.log(np.exp(z - z.max(1, keepdims=True)).sum(1, keepdims=True)) + z.max(1, keepdims=True)

    yield case(
        "softmax (1024, 1000)",
        1.0,
        sets,
        lambda z: np.exp(z - logsumexp(z)),
        1e-5,
        minigrad=lambda z: cpu.softmax(z, 1),
        torch=torch and (lambda z: torch.softmax(z, 1)),
    )
    yield case(
        "log-softmax (1024, 1000)",
        1.0,
        sets,
        lambda z: z - logsumexp(z),
        1e-5,
        minigrad=lambda z: cpu.log_softmax(z, 1),
        torch=torch and (lambda z: torch.log_softmax(z, 1)),
    )
    yield case(
        "mean and variance of each row (1024, 1000)",
        1.0,
        sets,
        lambda x: np.stack([x.mean(1), x.var(1)]),
        1e-5,
        minigrad=lambda x: np.stack(cpu.moments(x, (1,), False)),
        torch=torch and (lambda x: torch.stack(torch.var_mean(x, 1, correction=0)[::-1])),
    )
    y = np.random.default_rng(1).integers(0, C, B)
    target = torch and torch.from_numpy(y)

    def exact(z: np.ndarray) -> np.ndarray:
        p = np.exp(z - logsumexp(z))
        p[np.arange(B), y] -= 1
        return p / B

    def ours(z: np.ndarray) -> np.ndarray:
        cpu.cross_entropy(z, y).mean()
        return cpu.cross_entropy_backward(np.full(B, 1 / B, z.dtype), z, y)

    def theirs(z: Any) -> Any:
        z.requires_grad_(True)
        loss = torch.nn.functional.cross_entropy(z, target)
        return torch.autograd.grad(loss, z)[0]

    yield case(
        "cross-entropy and its backward (1024, 1000)",
        1.0,
        sets,
        exact,
        1e-5,
        minigrad=ours,
        torch=torch and theirs,
    )


def reductions() -> Iterator[Case]:
    sets = random((4096, 4096))
    for axis in (0, 1):
        for name, ours in (("sum", cpu.sum), ("mean", cpu.mean), ("max", cpu.amax)):
            numpys = getattr(np, name)
            torchs = torch and getattr(torch, "amax" if name == "max" else name)
            yield case(
                f"{name} over axis {axis} of (4096, 4096)",
                1.0,
                sets,
                functools.partial(numpys, axis=axis),
                1e-5,
                minigrad=functools.partial(lambda x, f, axis: f(x, (axis,), False), f=ours, axis=axis),
                numpy=functools.partial(numpys, axis=axis),
                torch=torchs and functools.partial(torchs, dim=axis),
            )


def broadcasting() -> Iterator[Case]:
    for shape in ((1024,), (1024, 1), ()):
        sets = random((1024, 1024), shape)
        for name, ours in (("add", cpu.add), ("mul", cpu.mul)):
            numpys = {"add": np.add, "mul": np.multiply}[name]
            yield case(
                f"{name} (1024, 1024) and {shape}",
                1.0,
                sets,
                numpys,
                1e-6,
                minigrad=ours,
                numpy=numpys,
                torch=torch and getattr(torch, name),
            )


# -- nets -----------------------------------------------------------------------------------------------------


def forward_exact(model: mg.nn.Module, x: np.ndarray) -> np.ndarray:
    parameters = [p.detach().numpy().astype(np.float64) for p in model.parameters()]
    for i in range(0, len(parameters), 2):
        x = x @ parameters[i].T + parameters[i + 1]
        x = np.maximum(x, 0) if i < len(parameters) - 2 else x
    return x


def forward() -> Iterator[Case]:
    model, theirs = training.twins(training.perceptron)
    width = training.SIZES[0]
    for B, reach in ((1, 1.6), (64, 1.15), (1024, 1.05)):
        sets = random((B, width))
        found = case(
            f"forward 784-128-64-10, batch {B}, no_grad",
            reach,
            sets,
            functools.partial(forward_exact, model),
            1e-5,
            torch=theirs,
        )
        found.calls = {OURS: [functools.partial(_array_of, model, mg.tensor(x)) for (x,) in sets], **found.calls}
        yield found


def _array_of(model: mg.nn.Module, x: mg.Tensor) -> np.ndarray:
    return model(x).array


# -- the engine -----------------------------------------------------------------------------------------------

CHAIN = 1000


def engine() -> Iterator[Case]:
    def chain(library: Any, walk: bool) -> float:
        x = library.tensor(1.0, requires_grad=True)
        one = library.tensor(1.0)
        y = x
        for _ in range(CHAIN):
            y = y + one
        if not walk:
            return float(y.item())
        y.backward()
        return float(x.grad.item())

    for walk, reach in ((False, 1.0), (True, 1.4)):
        libraries = {OURS: mg} | ({"torch": torch} if torch else {})
        calls = {name: [functools.partial(chain, library, walk)] for name, library in libraries.items()}
        expected = [np.array(1.0 if walk else CHAIN + 1.0)]
        work = f"chain of {CHAIN} scalar adds, record{' and walk back' if walk else ''}"
        yield Case(work, reach, calls, expected)


def processes() -> Iterator[Case]:
    """Whole processes: the time of import, and of a first forward pass with the kernels on disk.

    Byte code is on disk too, as it is of an installed package, whatever this process was told about that.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}

    def run(code: str) -> None:
        subprocess.run([sys.executable, "-c", code], check=True, env=environment)

    first = (
        "import minigrad as mg; m = mg.nn.Sequential(mg.nn.Linear(784, 128), mg.nn.ReLU(), mg.nn.Linear(128, 10));"
        "m(mg.zeros(64, 784))"
    )
    theirs = {"import torch": [functools.partial(run, "import torch")]} if torch else {}
    yield Case(
        "`import minigrad`, whole process", 1 / 0.3, {OURS: [functools.partial(run, "import minigrad")]} | theirs
    )
    yield Case(
        "import and first forward, whole process", 1 / 0.5, {OURS: [functools.partial(run, first)]} | theirs
    )


def memory(batch: int = 8192, runs: int = 5) -> str:
    """By how much one training step raises the peak of resident memory, in lean mode; a process for each."""
    script = Path(__file__).with_name("memory.py")
    libraries = [OURS] + (["torch"] if torch else [])
    peaks: dict[str, list[int]] = {library: [] for library in libraries}
    for _ in range(runs):
        for library in libraries:
            command = [sys.executable, str(script), library, str(batch)]
            peaks[library].append(int(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    rows = ["| library | MB, median | from | to |", "| --- | --- | --- | --- |"]
    for library, found in peaks.items():
        low, middle, high = (f"{n / 1e6:.1f}" for n in (min(found), float(np.median(found)), max(found)))
        rows.append(f"| {library} | **{middle}** | {low} | {high} |")
    return "\n".join(rows)


# -- the report -----------------------------------------------------------------------------------------------

SECTIONS: dict[str, tuple[str, Callable[[], Iterator[Case]], tuple[int, ...]]] = {
    "matmul": ("Matrix product, float32", lambda: matmul(FLOAT32, 1.0), (1, 2)),
    "matmul64": ("Matrix product, float64", lambda: matmul(FLOAT64, 0.95), (1, 2)),
    "layers": ("The products of a layer, float32", layers, (1, 2)),
    "products": ("Few rows times a large matrix, and batches, float32", other_products, (1, 2)),
    "elementwise": ("Elementwise, float32", elementwise, (1, 2)),
    "rows": ("Row by row, float32", rows, (1, 2)),
    "attention": ("Attention, float32", attention.cases, (1, 2)),
    "reductions": ("Reductions, float32", reductions, (1, 2)),
    "broadcasting": ("Broadcasting, float32", broadcasting, (1, 2)),
    "forward": ("A perceptron's forward pass", forward, (2,)),
    "training": ("Training steps", training.cases, (1, 2)),
    "engine": ("The engine alone", engine, (2,)),
    "processes": ("Starting", processes, (2,)),
}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("sections", nargs="*", help=", ".join([*SECTIONS, "memory"]))
    options.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    chosen = options.parse_args()
    unknown = set(chosen.sections) - {*SECTIONS, "memory"}
    if unknown or (chosen.write and chosen.sections):
        options.error(f"no such section: {', '.join(unknown)}" if unknown else "--write measures every section")
    parts = [textwrap.fill(f"Measured on {machine()}.", 116)]
    for name in chosen.sections or [*SECTIONS, "memory"]:
        if name == "memory":
            parts += ["## Peak memory of a training step, batch 8192, lean mode, SGD", memory()]
            print("\n" + "\n\n".join(parts[-2:]), flush=True)
            continue
        title, cases, counts = SECTIONS[name]
        for count in counts:
            heading = f"## {title}, {count} thread{'s' if count > 1 else ''}"
            print(f"\n{heading}\n", flush=True)
            results = run(cases, count)
            alone = all(result.peer == OURS for result in results)
            mean = "" if alone else f"Geometric mean of the ratios: {geometric_mean(results):.2f}."
            print(table(results), mean, sep="\n\n", flush=True)
            parts.append("\n\n".join([heading, table(results), mean]))
    if chosen.write:
        write(parts)


def run(cases: Callable[[], Iterator[Case]], count: int) -> list[Result]:
    results = []
    with threads(count):
        for found in cases():
            quiet = mg.no_grad() if "no_grad" in found.work else mg.enable_grad()
            with quiet, torch.set_grad_enabled("no_grad" not in found.work) if torch else mg.enable_grad():
                results.append(measure(found))
            print(f"  {found.work}: {np.median(results[-1].ratios):.2f}", file=sys.stderr, flush=True)
    return results


def write(parts: list[str]) -> None:
    """Replace everything below the page's introduction."""
    marker = "<!-- written by tests/benchmarks/cpu.py -->"
    introduction = PAGE.read_text().split(marker)[0]
    PAGE.write_text("\n\n".join([introduction + marker, *parts]) + "\n")


if __name__ == "__main__":
    main()
