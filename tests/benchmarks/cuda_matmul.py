"""From the textbook matrix product to the tensor cores: the code and the figures of docs/cuda-matmul.md.

    python tests/benchmarks/cuda_matmul.py            what each step's machine code is like; on a GPU, its speed
    python tests/benchmarks/cuda_matmul.py --write    and put code, tables and figures into the page
    python tests/benchmarks/cuda_matmul.py --check    nothing but whether the steps are right, in the simulator too

What the compiler says needs its wheels (extra ``cuda12``) and no GPU; the instructions are counted where there is
``nvdisasm``, of a CUDA toolkit. The peer is cuBLAS, by PyTorch with CUDA. Where there is no GPU, the page keeps
what it says of the speed.
"""

from __future__ import annotations

import argparse
import functools
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

sys.path.append(str(Path(__file__).parents[1]))
from matmul_page import fill, markdown, quoted

import minigrad as mg
from minigrad import kernels
from minigrad.kernels.cuda import device as devices
from minigrad.kernels.cuda import products, shim
from minigrad.kernels.cuda.launch import INT, Kernel, pointer
from minigrad.kernels.cuda.shim import cuda
from minigrad.kernels.cuda.tile import Tile
from ptxas import Needs, assemble, loop, tool

PAGE = Path(__file__).parents[2] / "docs" / "cuda-matmul.md"
HOPPER = (9, 0)
SIZES = (1024, 2048, 4096, 8192)
FLOAT = np.dtype(np.float32)
MILLISECONDS, ROUNDS, SETS = 30.0, 15, 3
float32, zero = np.float32, np.float32(0)

# -- the steps that are no part of minigrad -------------------------------------------------------------------


def textbook(A, B, C, n):
    """A thread for each element."""
    e = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    i, j = e // n, e % n
    total = zero
    for k in range(n):
        total += A[i * n + k] * B[k * n + j]
    C[i * n + j] = total


SIDE = 32
AREA = SIDE * SIDE


def shared_tiles(A, B, C, n):
    """A thread for each element; what a block reads, it reads together, SIDE of k at a time."""
    a = cuda.shared.array(AREA, float32)
    b = cuda.shared.array(AREA, float32)
    across = n // SIDE
    row, column = cuda.threadIdx.x // SIDE, cuda.threadIdx.x % SIDE
    i, j = cuda.blockIdx.x // across * SIDE + row, cuda.blockIdx.x % across * SIDE + column
    total = zero
    for k in range(0, n, SIDE):
        a[row * SIDE + column] = A[i * n + k + column]
        b[row * SIDE + column] = B[(k + row) * n + j]
        cuda.syncthreads()
        for step in range(SIDE):
            total += a[row * SIDE + step] * b[step * SIDE + column]
        cuda.syncthreads()
    C[i * n + j] = total


WIDE, DEEP, EACH = 128, 8, 8  # rows and columns of a block's tile, k at a time, rows and columns of a thread's
PITCH, SUMS = WIDE + 4, (EACH, EACH)
PANEL = DEEP * PITCH


def register_tiles(A, B, C, n):
    """64 elements a thread, in registers: for each k, 16 loads and 64 multiply-adds."""
    a = cuda.shared.array(PANEL, float32)
    b = cuda.shared.array(PANEL, float32)
    sums = cuda.local.array(SUMS, float32)
    x = cuda.local.array(EACH, float32)
    y = cuda.local.array(EACH, float32)
    thread, across = cuda.threadIdx.x, n // WIDE
    top, left = cuda.blockIdx.x // across * WIDE, cuda.blockIdx.x % across * WIDE
    down, right = thread // 16 * 4, thread % 16 * 4
    for p in range(EACH):
        for q in range(EACH):
            sums[p, q] = zero
    for k in range(0, n, DEEP):
        for part in range(4):
            a[thread % 8 * PITCH + thread // 8 + part * 32] = A[
                (top + thread // 8 + part * 32) * n + k + thread % 8
            ]
            b[(thread // 128 + part * 2) * PITCH + thread % 128] = B[
                (k + thread // 128 + part * 2) * n + left + thread % 128
            ]
        cuda.syncthreads()
        for step in range(DEEP):
            for p in range(EACH):
                x[p] = a[step * PITCH + down + p // 4 * 64 + p % 4]
                y[p] = b[step * PITCH + right + p // 4 * 64 + p % 4]
            for p in range(EACH):
                for q in range(EACH):
                    sums[p, q] += x[p] * y[q]
        cuda.syncthreads()
    for p in range(EACH):
        for q in range(EACH):
            C[(top + down + p // 4 * 64 + p % 4) * n + left + right + q // 4 * 64 + q % 4] = sums[p, q]


# -- all steps ------------------------------------------------------------------------------------------------


@dataclass
class Step:
    """One line of the tables.

    Attributes:
        name: the mark of its section.
        label: what it is called.
        kernel: what the compiler makes, for matrices with their rows one after the other.
        threads: of a block.
        side: of the square of C that a block computes: a number of A or B is read once for so many multiply-adds.
        multiply: how its multiplying instruction begins.
        adds: multiply-adds of one such instruction, for a thread.
        call: the product of two arrays on the device.
        until: the largest n that it is measured for.
        peer: what cuBLAS multiplies in the same precision.
    """

    name: str
    label: str
    kernel: Kernel
    threads: int
    side: int
    multiply: str
    adds: int
    call: Callable[..., Any]
    until: int = SIZES[-1]
    peer: str = "highest"
    speed: dict[int, np.ndarray] = field(default_factory=dict)

    @functools.cached_property
    def code(self) -> tuple[Needs, bytes]:
        return assemble(self.kernel.ptx(HOPPER), HOPPER)


def own(name: str, label: str, function: Callable[..., None], threads: int, side: int, until: int) -> Step:
    """A step of this file."""
    kernel = Kernel(name, function, *[pointer(FLOAT)] * 3, INT)
    per_block = side * side if side > 1 else threads

    def call(A: Any, B: Any) -> Any:
        n = len(A)
        C = kernels.load("cuda").full((n, n), 0.0, FLOAT, A.device)
        kernel(n * n // per_block, threads, A, B, C, n)
        return C

    return Step(name, label, kernel, threads, side, "FFMA", 1, call, until)


def launched(A: Any, B: Any) -> Any:
    """minigrad's product, now: one that is let go before anything else happens is never computed."""
    C = products.matmul(A, B)
    C.compute()
    return C


def with_tile(tile: Tile, A: Any, B: Any) -> Any:
    """minigrad's product with this tile; one that is remembered has another."""
    asked, made = products.plan, products.recipe_of
    products.recipe_of = made.__wrapped__
    products.plan = lambda M, N, K, *_: products.Plan(tile, 1, K)  # type: ignore[assignment]
    try:
        with mg.cuda.fuse(False):
            return launched(A, B)
    finally:
        products.plan, products.recipe_of = asked, made


def tiled(name: str, label: str, tile: Tile) -> Step:
    kernel = products.kernel(FLOAT, tile, "k", "vectors", products.as_it_is, True)
    return Step(name, label, kernel, tile.threads, tile.rows, "FFMA", 1, functools.partial(with_tile, tile))


def with_precision(precision: str, A: Any, B: Any) -> Any:
    mg.set_float32_matmul_precision(precision)
    try:
        return launched(A, B)
    finally:
        mg.set_float32_matmul_precision("highest")


def tensor(name: str, label: str, precision: str, adds: int) -> Step:
    tile = products.WARP_TILES[0]
    kernel = products.tensor_kernel(name, tile, products.as_it_is)
    call = functools.partial(with_precision, precision)
    return Step(name, label, kernel, tile.threads, tile.rows, "HMMA", adds, call, peer=precision)


def all_steps() -> list[Step]:
    eight = Tile(128, 128, 16, 8, 8, 2)
    return [
        own("textbook", "1 textbook", textbook, 256, 1, 4096),
        own("shared_tiles", "2 shared memory, 32 x 32", shared_tiles, 1024, 32, 4096),
        own("register_tiles", "3 registers, 8 x 8 a thread, plain Numba", register_tiles, 256, 128, SIZES[-1]),
        tiled("emitted", "4 written out, copies past registers, 8 x 8", eight),
        tiled("kernel", "5 minigrad's kernel, 8 x 16", products.TILES[True, 4][0]),
        tensor("tf32", '6a tensor cores, TF32 ("high")', "high", 16 * 8 * 8 // 32),
        tensor("bf16", '6b tensor cores, bf16 ("medium")', "medium", 16 * 8 * 16 // 32),
    ]


# -- what the compiler says -----------------------------------------------------------------------------------


def compiled(steps: list[Step]) -> str:
    """What each step takes of a multiprocessor, and what its innermost loop is made of."""
    heads = [
        "step",
        "registers",
        "shared memory",
        "blocks at once",
        "warps at once",
        "bytes read for a multiply-add",
        "loads from shared memory for a multiply-add",
        "multiply-adds among the instructions",
    ]
    rows = [heads, ["---", *["---:"] * (len(heads) - 1)]]
    for step in steps:
        needs, code = step.code
        assert not needs.spilled and not needs.stack
        blocks = needs.blocks(step.threads, HOPPER)
        counts = loop(code, step.multiply)
        work = sum(n for name, n in counts.items() if name.startswith(step.multiply))
        loads = sum(n for name, n in counts.items() if name.startswith(("LDS", "LDSM"))) - dummies(counts)
        size = 2 if step.name == "bf16" else 4
        rows.append([
            step.label, f"{needs.registers}", f"{needs.shared / 1024:.1f} KiB", f"{blocks}",
            f"{blocks * step.threads // 32}", f"{2 * size / step.side:.3g}", f"{loads / (work * step.adds):.3g}",
            f"{work / counts.total():.0%}",
        ])  # fmt: skip
    return markdown(rows)


def dummies(counts: Any) -> int:
    """Loads that the assembler puts before asynchronous copies, and that load nothing."""
    return 3 if any(name.startswith("LDGSTS") for name in counts) else 0


# -- on a GPU -------------------------------------------------------------------------------------------------


def check(steps: list[Step], n: int) -> None:
    A, B = np.random.default_rng(n).standard_normal((2, n, n), np.float32)
    exact, to_device = A.astype(np.float64) @ B, kernels.load("cuda").to_device
    for step in steps:
        error = np.abs(step.call(to_device(A, 0), to_device(B, 0)).host() - exact).max() / np.abs(exact).max()
        assert error < {"highest": 1e-5, "high": 2e-3, "medium": 1e-2}[step.peer], (step.label, error)


def elapsed(call: Callable[..., Any], sets: list[tuple[Any, Any]], loops: int) -> float:
    """Milliseconds of a call, by the device's clock."""
    driver = devices.device(0).driver
    start, end = (driver.new_event(0, True) for _ in range(2))
    driver.record(0, start, devices.stream(0))
    for turn in range(loops):
        call(*sets[turn % len(sets)])
    driver.record(0, end, devices.stream(0))
    driver.wait_here(0, end)
    return float(driver.milliseconds(0, start, end)) / loops


def measure(steps: list[Step], n: int) -> dict[str, np.ndarray]:
    """TFLOP/s of all steps, in turn, round after round; and of cuBLAS, by precision."""
    import torch

    rng = np.random.default_rng(n)
    pairs = [rng.standard_normal((2, n, n), np.float32) for _ in range(SETS)]
    to_device = kernels.load("cuda").to_device
    ours = [(to_device(A, 0), to_device(B, 0)) for A, B in pairs]
    theirs = [(torch.tensor(A, device="cuda"), torch.tensor(B, device="cuda")) for A, B in pairs]
    halves = [(A.bfloat16(), B.bfloat16()) for A, B in theirs]

    def cublas(precision: str, A: Any, B: Any) -> Any:
        torch.backends.cuda.matmul.allow_tf32 = precision == "high"
        return A @ B

    contenders = [(step.call, ours) for step in steps if n <= step.until]
    peers = [(functools.partial(cublas, name), halves if name == "medium" else theirs) for name in PEERS]
    taken = np.empty((len(contenders) + len(peers), ROUNDS))
    loops = [0] * len(taken)
    with torch.cuda.stream(torch.cuda.ExternalStream(devices.stream(0) or 1)):
        for turn in range(ROUNDS):
            for which, (call, sets) in enumerate(contenders + peers):
                if turn == 0:
                    elapsed(call, sets, 2)
                    loops[which] = max(1, round(MILLISECONDS / elapsed(call, sets, 2)))
                taken[which, turn] = elapsed(call, sets, loops[which])
    speeds = 2 * n**3 / taken / 1e9
    for step, speed in zip((s for s in steps if n <= s.until), speeds, strict=False):
        step.speed[n] = speed
    return dict(zip(PEERS, speeds[len(contenders) :], strict=True))


PEERS = {"highest": "cuBLAS float32", "high": "cuBLAS TF32", "medium": "cuBLAS bf16"}


def measured(steps: list[Step]) -> str:
    """The table of TFLOP/s, median and quartiles, and the ratio to cuBLAS in the same rounds."""
    peers: dict[str, dict[int, np.ndarray]] = {name: {} for name in PEERS}
    for n in SIZES:
        check([step for step in steps if n <= step.until], min(n, 1024))
        for name, speed in measure(steps, n).items():
            peers[name][n] = speed
    rows = [["TFLOP/s", *(f"n = {n}" for n in SIZES)], ["---", *["---:"] * len(SIZES)]]
    for step in steps:
        rows.append([step.label, *(cell(step.speed.get(n), peers[step.peer][n]) for n in SIZES)])
    rows += [[PEERS[name], *(cell(peers[name][n], None) for n in SIZES)] for name in PEERS]
    place = devices.device(0)
    about = f"{place.driver.name(0)}, {place.processors} multiprocessors, medians of {ROUNDS} rounds (quartiles)."
    return f"{about}\n\n{markdown(rows)}"


def cell(speed: np.ndarray | None, peer: np.ndarray | None) -> str:
    if speed is None:
        return ""
    low, middle, high = np.percentile(speed, [25, 50, 75])
    ratio = "" if peer is None else f", {np.median(speed / peer):.2f} of cuBLAS"
    return f"**{middle:.3g}** ({low:.3g} to {high:.3g}){ratio}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help=f"rewrite {PAGE.name} in docs/")
    parser.add_argument("--check", action="store_true", help="check the results of the steps, at n = 128")
    options = parser.parse_args()
    steps = all_steps()
    if options.check:
        check(steps[:3] if shim.SIMULATED else steps, 128)
        return
    page = PAGE.read_text()
    found = dict(re.findall(r"<!-- (measured: \w+) -->\n(.*?)\n<!-- end -->", page, re.DOTALL))
    found |= {f"code: {f.__name__}": quoted(f) for f in (textbook, shared_tiles, register_tiles)}
    if tool("ptxas") and tool("nvdisasm"):
        found["measured: compiled"] = compiled(steps)
    if devices.count():
        found["measured: speed"] = measured(steps)
    print(*(text for name, text in found.items() if name.startswith("measured")), sep="\n\n")
    if options.write:
        PAGE.write_text(fill(page, found))


if __name__ == "__main__":
    main()
