"""From the textbook matrix product to minigrad's kernel, in steps: the code and the figures of docs/matmul.md.

    python tests/benchmarks/matmul_steps.py            check and measure every step, print the table
    python tests/benchmarks/matmul_steps.py --write    and put table, code and plot into docs/

Every step is C = A @ B for square float32 matrices. The page explains them; here each stands with its loop, why it
is faster than the one before, and what limits it. The plot needs Matplotlib (extra ``peers``).
"""

from __future__ import annotations

import argparse
import functools
import gc
import resource
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from matmul_page import draw, fill, sections
from threadpoolctl import ThreadpoolController

import minigrad as mg
from minigrad.kernels.cpu.compile import inline
from minigrad.kernels.cpu.matmul import matmul, textbook
from minigrad.kernels.cpu.memory import at
from minigrad.kernels.cpu.tile import Registers, host_registers, make_tile

PAGE = Path(__file__).parents[2] / "docs" / "matmul.md"
PLOT = PAGE.with_suffix(".svg")

FLOAT = np.dtype(np.float32)
SIZES = (64, 128, 256, 512, 1024)
TEXTBOOK_UNTIL = 512  # beyond, it takes longer than all the other steps together
SECONDS = 0.003  # that one step takes in one round, at least
PAUSE, WARM = 0.05, 0.02  # seconds: another library's threads fall asleep; one's own are spread over the cores
TRIES = 12
TOLERANCE = 1e-5  # of the largest element

# -- the steps ------------------------------------------------------------------------------------------------


def row_by_row(A, B, C):
    """The same sums in another order: C[i, :] += A[i, k] B[k, :].

    B and C are read along their rows, where neighbours in the loop are neighbours in memory: 16 multiply-adds
    become one instruction. Limit: for each of them B is loaded, and C loaded and stored.
    """
    M, K = A.shape
    K, N = B.shape
    C[:] = 0
    for i in range(M):
        for k in range(K):
            for j in range(N):
                C[i, j] += A[i, k] * B[k, j]


DEEP = 64


def blocked(A, B, C):
    """``row_by_row`` for DEEP rows of B at a time, which stay in the second cache for all rows of A.

    Limit: still one load of B, one load and one store of C for each multiply-add; and C is passed over more often.
    """
    M, K = A.shape
    K, N = B.shape
    C[:] = 0
    for k0 in range(0, K, DEEP):
        for i in range(M):
            for k in range(k0, min(k0 + DEEP, K)):
                for j in range(N):
                    C[i, j] += A[i, k] * B[k, j]


def four_by_four(A, B, C):
    """Four rows of C and four of B at once: 16 multiply-adds for 4 + 4 loads and 4 stores.

    The 16 numbers of A stay in registers while j runs. Limit: C still comes and goes once in four k, and nobody
    promises that the compiler keeps what we mean it to keep. (M and K are multiples of 4 here.)
    """
    M, K = A.shape
    K, N = B.shape
    C[:] = 0
    for i in range(0, M, 4):
        for k in range(0, K, 4):
            p0, p1, p2, p3 = A[i, k], A[i, k + 1], A[i, k + 2], A[i, k + 3]
            q0, q1, q2, q3 = A[i + 1, k], A[i + 1, k + 1], A[i + 1, k + 2], A[i + 1, k + 3]
            r0, r1, r2, r3 = A[i + 2, k], A[i + 2, k + 1], A[i + 2, k + 2], A[i + 2, k + 3]
            s0, s1, s2, s3 = A[i + 3, k], A[i + 3, k + 1], A[i + 3, k + 2], A[i + 3, k + 3]
            for j in range(N):
                b0, b1, b2, b3 = B[k, j], B[k + 1, j], B[k + 2, j], B[k + 3, j]
                C[i, j] += p0 * b0 + p1 * b1 + p2 * b2 + p3 * b3
                C[i + 1, j] += q0 * b0 + q1 * b1 + q2 * b2 + q3 * b3
                C[i + 2, j] += r0 * b0 + r1 * b1 + r2 * b2 + r3 * b3
                C[i + 3, j] += s0 * b0 + s1 * b1 + s2 * b2 + s3 * b3


REGISTERS = host_registers()
MR, NR = REGISTERS.tile(FLOAT)  # rows and columns of a tile


def make_whole_tile(registers: Registers) -> Callable:
    """The tile that fills these registers; minigrad's can also do with fewer rows and columns, at the edges."""
    rows, vectors = registers.rows, registers.vectors
    _, columns = registers.tile(FLOAT)
    any_tile = make_tile(FLOAT, registers, [(rows, vectors)])

    @functools.partial(inline, inline="always")
    def tile(K, A, row_a, col_a, B, ldb, start, ld_start, C, ldc):
        any_tile(rows, vectors, columns, K, A, row_a, col_a, B, ldb, True, start, ld_start, C, ldc)

    return tile


tile = make_whole_tile(REGISTERS)


def tiles(A, B, C):
    """A tile of C, MR x NR, stays in registers for all of k: no load and no store of C in the innermost loop.

    The last tiles are moved back to end at the edge; what they share with their neighbours is computed twice.
    Limit: a tile reads B in steps of a whole row, so in large matrices each step meets another page of memory.
    """
    M, K = A.shape
    K, N = B.shape
    zeros = np.zeros(NR, FLOAT)
    for j in range(0, N, NR):
        j = min(j, N - NR)
        for i in range(0, M, MR):
            i = min(i, M - MR)
            tile(K, at(A, i * K), K, 1, at(B, j), N, at(zeros, 0), 0, at(C, i * N + j), N)


@inline
def pack(rows, panels):
    """panels[p, c, r] = rows[p * width + r, c]: ``width`` rows after ``width`` rows, in the order of reading."""
    count, _, width = panels.shape
    for p in range(count):
        panel = rows[p * width : (p + 1) * width]
        for c in range(panel.shape[1]):
            for r in range(panel.shape[0]):
                panels[p, c, r] = panel[r, c]
            for r in range(panel.shape[0], width):
                panels[p, c, r] = 0


DEPTH = 256  # of k: a panel of B and one of A fill the first cache together
HIGH = 16  # panels of A: they stay in the second cache


def packed(A, B, C):
    """``tiles``, reading copies of A and B in which everything stands in the order of reading.

    Padded with zeros, so that all tiles are whole; they are summed in a C that is padded as well.
    Limit: the copies, which cost n^2 where the tiles cost n^3; so it is large matrices that gain.
    """
    M, K = A.shape
    K, N = B.shape
    high, wide = (M + MR - 1) // MR, (N + NR - 1) // NR
    a, b = np.empty((HIGH, DEPTH, MR), FLOAT), np.empty((wide, DEPTH, NR), FLOAT)
    c = np.zeros((high * MR, wide * NR), FLOAT)
    for k in range(0, K, DEPTH):
        deep = min(DEPTH, K - k)
        pack(B[k : k + deep].T, b)
        for top in range(0, high, HIGH):
            count = min(HIGH, high - top)
            pack(A[top * MR : (top + count) * MR, k : k + deep], a[:count])
            for q in range(wide):
                for p in range(count):
                    here = at(c, (top + p) * MR * wide * NR + q * NR)
                    tile(deep, at(a[p], 0), 1, MR, at(b[q], 0), NR, here, wide * NR, here, wide * NR)
    C[:] = c[:M, :N]


# -- what the machine can do ----------------------------------------------------------------------------------


def make_endless(registers: Registers, *, steps: bool) -> Callable:
    """A tile of this shape over K; without steps it reads one place only, so that LLVM drops all loads but one.

    What is left is nothing but multiply-adds, as many independent ones as the tile has registers.
    """
    rows, columns = registers.tile(FLOAT)
    tile = make_whole_tile(registers)
    row, k_a, k_b = (1, rows, columns) if steps else (0, 0, 0)

    def endless(K, times, a, b, c):
        for _ in range(times):
            tile(K, at(a, 0), row, k_a, at(b, 0), k_b, at(c, 0), columns, at(c, 0), columns)

    compiled = inline(endless)
    K, times = 256, 64
    a, b, c = np.ones(rows * K, FLOAT), np.ones(columns * K, FLOAT), np.zeros(rows * columns, FLOAT)
    compiled(K, 1, a, b, c)
    assert (c == K).all()
    return functools.partial(compiled, K, times, a, b, c)


# -- measuring ------------------------------------------------------------------------------------------------


@dataclass
class Step:
    """One line of the table.

    Attributes:
        name: which section of the page it belongs to.
        label: what it is called in table and plot.
        call: A, B -> C, or of nothing, if it does the same work whatever n is.
        until: the largest n that it is measured for.
        threads: how many it uses.
        work: floating-point operations of a call; 2 n^3 if not given.
        rows, vectors: of a tile that is measured by itself, to compare shapes.
        speed: of each n, GFLOP/s in each round.
    """

    name: str
    label: str
    call: Callable
    until: int = SIZES[-1]
    threads: int = 1
    work: int = 0
    rows: int = 0
    vectors: int = 0
    speed: dict[int, np.ndarray] = field(default_factory=dict)

    def median(self, n: int) -> float:
        return float(np.median(self.speed[n]))

    def last(self) -> tuple[int, float]:
        """The largest n, and the median there."""
        n = max(self.speed)
        return n, self.median(n)

    def all(self) -> np.ndarray:
        return np.concatenate(list(self.speed.values()))


def compiled(function: Callable) -> Callable:
    """A, B -> C. "contract": a * b + c may be one instruction, which rounds once instead of twice."""
    fill = inline(function, fastmath={"contract"})

    def multiply(A: np.ndarray, B: np.ndarray) -> np.ndarray:
        C = np.empty((len(A), B.shape[1]), A.dtype)
        fill(A, B, C)
        return C

    return multiply


def endless(rows: int, vectors: int, *, steps: bool) -> tuple[Callable, int]:
    """``make_endless`` and how many floating-point operations a call of it is."""
    call = make_endless(replace(REGISTERS, rows=rows, vectors=vectors), steps=steps)
    K, times, *_, c = call.args
    return call, 2 * K * times * c.size


def shape(rows: int, vectors: int) -> Step:
    call, work = endless(rows, vectors, steps=True)
    return Step("shape", f"{rows} x {vectors}", call, work=work, rows=rows, vectors=vectors)


def limit(name: str, label: str, rows: int, vectors: int) -> Step:
    call, work = endless(rows, vectors, steps=False)
    return Step(name, label, call, work=work)


SHAPES = [(2, 2), (4, 2), (8, 2), (14, 2), (9, 3), (6, 4), (30, 1), (20, 2)]  # of tiles, to compare


def all_steps() -> list[Step]:
    most = mg.get_num_threads()
    return [
        Step("textbook", "1 textbook, i-j-k", compiled(textbook), TEXTBOOK_UNTIL),
        Step("row_by_row", "2 loop order i-k-j", compiled(row_by_row)),
        Step("blocked", "3 blocked for the caches", compiled(blocked)),
        Step("four_by_four", "4a register tile, plain loops", compiled(four_by_four)),
        Step("tiles", f"4b register tile, {MR} x {NR}", compiled(tiles)),
        Step("packed", "5 packed panels", compiled(packed)),
        Step("kernel_1", "minigrad, 1 thread", matmul),
        Step("numpy_1", "NumPy, 1 thread", np.matmul),
        Step("kernel", f"6 minigrad, {most} threads", matmul, threads=most),
        Step("numpy", f"NumPy, {most} threads", np.matmul, threads=most),
        limit("peak", "peak: nothing but multiply-adds", REGISTERS.rows, REGISTERS.vectors),
        limit("chain", "each multiply-add waiting for the last", 1, 1),
        *(shape(*of) for of in SHAPES),
    ]


def seconds(step: Step, loops: int, *matrices: np.ndarray) -> float:
    """Of one call. One thread is timed by the clock of its own processor time, which stands while others run."""
    clock = time.thread_time if step.threads == 1 else time.perf_counter
    started = clock()
    for _ in range(loops):
        step.call(*matrices)
    return (clock() - started) / loops


def undisturbed(step: Step, loops: int, *matrices: np.ndarray) -> float:
    """``seconds``, repeated if one of several threads had to make way for a stranger: the least disturbed try."""
    tries = []
    for _ in range(TRIES if step.threads > 1 else 1):
        warm_up(step, *matrices)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw
        taken = seconds(step, loops, *matrices)
        tries.append((resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw - before, taken))
        if tries[-1][0] == 0:
            break
    return min(tries)[1]


def warm_up(step: Step, *matrices: np.ndarray) -> None:
    """Threads that slept wake on one core, and it takes the system some milliseconds to spread them."""
    if step.threads > 1:
        time.sleep(PAUSE)
    started = time.perf_counter()
    while time.perf_counter() < started + WARM * (step.threads > 1):
        step.call(*matrices)
    step.call(*matrices)


def check(step: Step, A: np.ndarray, B: np.ndarray) -> None:
    exact = A.astype(np.float64) @ B
    error = np.abs(step.call(A, B) - exact).max() / np.abs(exact).max()
    assert error < TOLERANCE, f"{step.label} is off by {error:.2g} at n = {len(A)}"


def measure(steps: list[Step], n: int, rounds: int) -> None:
    """``speed[n]`` of all steps that reach so far: in turn, round after round."""
    A, B = np.random.default_rng(n).standard_normal((2, n, n), FLOAT)
    np.empty(1 << 21)  # after freeing 16 MiB, glibc keeps smaller pieces for the next call, as in a longer program
    blas, most = ThreadpoolController().select(user_api="blas"), mg.get_num_threads()
    running = [step for step in steps if n <= step.until]
    taken = np.empty((len(running), rounds))
    loops = [0] * len(running)
    gc.disable()
    for turn in range(rounds):
        for turned in np.roll(range(len(running)), turn):
            step = running[turned]
            matrices = () if step.work else (A, B)
            mg.set_num_threads(step.threads)
            with blas.limit(limits=step.threads) if step.name.startswith("numpy") else nullcontext():
                if turn == 0:
                    warm_up(step, *matrices)
                if turn == 0 and matrices:
                    check(step, A, B)
                loops[turned] = loops[turned] or max(1, round(SECONDS / seconds(step, 1, *matrices)))
                taken[turned, turn] = undisturbed(step, loops[turned], *matrices)
    gc.enable()
    mg.set_num_threads(most)
    for step, times in zip(running, taken, strict=True):
        step.speed[n] = (step.work or 2 * n**3) / times / 1e9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15, help="measurements of each step (default: %(default)s)")
    parser.add_argument("--write", action="store_true", help=f"rewrite {PAGE.name} and {PLOT.name} in docs/")
    parser.add_argument("--png", type=Path, help="draw the plot into this file too")
    options = parser.parse_args()

    steps = all_steps()
    for n in reversed(SIZES):  # the largest needs the longest quiet, which is likeliest just after the start
        measure(steps, n, options.rounds)
    for step in steps:
        step.speed = dict(sorted(step.speed.items()))
    functions = [textbook, row_by_row, blocked, four_by_four, tiles, pack.py_func, packed]
    about = (
        f"Medians of {options.rounds} rounds, in each of which every step ran in turn for {1000 * SECONDS:g} ms."
    )
    found = sections(steps, functions, about)
    print(*(text for name, text in found.items() if name.startswith("measured")), sep="\n\n")
    if options.write:
        PAGE.write_text(fill(PAGE.read_text(), found))
        draw(steps, PLOT)
    if options.png:
        draw(steps, options.png)


if __name__ == "__main__":
    main()
