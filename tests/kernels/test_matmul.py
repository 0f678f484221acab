"""Matrix products: every edge of the tiles, every layout, batches, bias."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from minigrad.kernels import cpu, reference
from minigrad.kernels.cpu.compile import inline
from minigrad.kernels.cpu.matmul import (
    DEPTH,
    FEW,
    NEAR,
    STREAMS,
    WIDE,
    WORTH,
    WORTH_NEAR,
    _batch,
    _few_rows,
    _one,
    textbook,
)
from minigrad.kernels.cpu.tile import find_registers, host_registers

FLOATS = ["float32", "float64"]
LARGE_FLOATS = [pytest.param("float32", marks=pytest.mark.compiled), "float64"]  # for what takes Python long


def normal(dtype: str, *shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def assert_product(got: np.ndarray, x: np.ndarray, y: np.ndarray, bias: np.ndarray | None = None) -> None:
    """|got - exact| <= (K + 1) eps (|x| @ |y| + |bias|), the bound of any order of summation (Higham, 2002)."""
    b = np.zeros((), x.dtype) if bias is None else bias
    exact = x.astype(np.float64) @ y.astype(np.float64) + b.astype(np.float64)
    size = np.abs(x).astype(np.float64) @ np.abs(y).astype(np.float64) + np.abs(b).astype(np.float64)
    # twice in float64, where the product compared with is rounded too
    bound = (x.shape[-1] + 1) * np.finfo(x.dtype).eps * size * (1 if x.dtype == np.float32 else 2)
    assert isinstance(got, np.ndarray)
    assert (got.dtype, got.shape, got.flags.c_contiguous) == (x.dtype, exact.shape, True)
    assert (np.abs(got - exact) <= bound).all()


def edges(dtype: str, side: int) -> list[int]:
    """Sizes around ``side`` rows (0) or columns (1) of a tile."""
    n = host_registers().tile(np.dtype(dtype))[side]
    return [0, 1, 2, FEW, FEW + 1, n - 1, n, n + 1, 2 * n + 3]


@pytest.mark.parametrize("dtype", FLOATS)
def test_products_are_right_at_every_edge_of_a_tile(dtype: str) -> None:
    for M, N, K in itertools.product(edges(dtype, 0), edges(dtype, 1), [0, 1, 2, 17]):
        x, y = normal(dtype, M, K), normal(dtype, K, N, seed=1)
        assert_product(cpu.matmul(x, y), x, y)


@pytest.mark.parametrize("dtype", LARGE_FLOATS)
@pytest.mark.parametrize(
    "K", [DEPTH + 1, *(pytest.param(K, marks=pytest.mark.compiled) for K in (DEPTH - 1, DEPTH, 2 * DEPTH + 5))]
)
def test_long_sums_continue_from_block_to_block(dtype: str, K: int) -> None:
    MR, NR = host_registers().tile(np.dtype(dtype))
    for M, N in ((3, 5), (MR + 1, NR - 1), (WORTH_NEAR * MR + MR + 2, (WIDE + 1) * NR + 1)):
        x, y, bias = normal(dtype, M, K), normal(dtype, K, N, seed=1), normal(dtype, N, seed=2)
        assert_product(cpu.matmul(x, y), x, y)
        assert_product(cpu.linear(x, np.ascontiguousarray(y.T), bias), x, y, bias)


@pytest.mark.parametrize("dtype", LARGE_FLOATS)
def test_packed_panels_are_right_in_every_order_of_memory(dtype: str) -> None:
    MR, NR = host_registers().tile(np.dtype(dtype))
    sizes = (
        (5, WORTH * NR + 1, DEPTH + 1),
        (WORTH_NEAR * MR, WORTH * NR + 1, 2),
        (WORTH_NEAR * MR + 11, WORTH * NR - 1, DEPTH + 3),
    )
    for M, N, K in sizes:
        for x in (normal(dtype, M, K), normal(dtype, K, M).T):
            for y in (normal(dtype, K, N, seed=1), normal(dtype, N, K, seed=1).T, normal(dtype, K, 2 * N)[:, ::2]):
                assert_product(cpu.matmul(x, y), x, y)


@pytest.mark.compiled
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("M", [1, FEW, FEW + 1, 40])
@pytest.mark.parametrize("K", [STREAMS, 2 * STREAMS, 2 * STREAMS + 5])
def test_few_rows_times_a_matrix_that_is_not_near(dtype: str, M: int, K: int) -> None:
    N = NEAR // (np.dtype(dtype).itemsize * STREAMS) + 3
    y, bias = normal(dtype, K, N, seed=1), normal(dtype, N, seed=2)
    for x in (normal(dtype, M, K), normal(dtype, K, M).T):
        assert_product(cpu.matmul(x, y), x, y)
    kernel = (_few_rows if M <= FEW else _one)[np.dtype(dtype)]  # with a bias, and a B in its own order
    out = np.empty((M, N), dtype)
    kernel.piece(x, y, bias, out, 0, 1)
    assert_product(out, x, y, bias)


@pytest.mark.compiled
@pytest.mark.parametrize("dtype", FLOATS)
def test_large_products_are_right_in_every_order_of_memory(dtype: str) -> None:
    M, N, K = 530, 540, 550  # more than one thread, packed
    for x in (normal(dtype, M, K), normal(dtype, K, M).T, normal(dtype, M, 2 * K)[:, ::2]):
        for y in (normal(dtype, K, N, seed=1), normal(dtype, N, K, seed=1).T, normal(dtype, K, N)[::-1, ::-1]):
            assert_product(cpu.matmul(x, y), x, y)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("sizes", [(1, 9, 7), (3, 40, 33), (20, 1, 9), (37, 41, 29), (1, 1, 5), (5, 5, 1)])
def test_strided_read_only_and_repeated_operands(dtype: str, sizes: tuple[int, int, int]) -> None:
    M, N, K = sizes

    def layouts(rows: int, columns: int) -> list[np.ndarray]:
        x = normal(dtype, rows, columns)
        frozen = x.copy()
        frozen.flags.writeable = False
        unaligned = np.zeros(x.nbytes + 1, np.uint8)[1:].view(dtype).reshape(x.shape)
        unaligned[...] = x
        return [
            x, x.T.copy().T, x[::-1], x[:, ::-1], normal(dtype, 3 * rows, 2 * columns)[::3, ::2],
            np.broadcast_to(x[:1], x.shape), np.broadcast_to(x[:, :1], x.shape), frozen, unaligned,
        ]  # fmt: skip

    for x, y in itertools.product(layouts(M, K), layouts(K, N)):
        assert_product(cpu.matmul(x, y), x, y)


@pytest.mark.parametrize("dtype", FLOATS)
def test_vectors_and_batches_have_the_shapes_of_numpy(dtype: str) -> None:
    shapes: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
        ((7,), (7,)), ((7,), (7, 5)), ((6, 7), (7,)), ((2, 6, 7), (7,)), ((7,), (3, 7, 5)),
        ((4, 6, 7), (7, 5)), ((2, 4, 6, 7), (7, 5)), ((6, 7), (4, 7, 5)), ((4, 6, 7), (4, 7, 5)),
        ((4, 1, 6, 7), (3, 7, 5)), ((2, 1, 6, 7), (1, 3, 7, 5)), ((0, 6, 7), (7, 5)), ((0, 6, 7), (0, 7, 5)),
        ((4, 6, 0), (4, 0, 5)), ((4, 0, 7), (7, 5)), ((40, 33, 34), (40, 34, 35)),
    ]  # fmt: skip
    for x_shape, y_shape in shapes:
        x, y = normal(dtype, *x_shape), normal(dtype, *y_shape, seed=1)
        assert_product(cpu.matmul(x, y), x, y)
    x, y = normal(dtype, 7, 6, 4).transpose(2, 1, 0), normal(dtype, 4, 5, 7).transpose(0, 2, 1)
    assert_product(cpu.matmul(x, y), x, y)


@pytest.mark.parametrize("dtype", LARGE_FLOATS)
def test_linear_adds_the_bias(dtype: str) -> None:
    for batch in ((), (1,), (3,), (64,), (0,), (2, 3), (2, 0, 3)):
        for K, N in ((784, 128), (5, 1), (1, 3), (0, 4), (25, 15)):
            x, W, b = normal(dtype, *batch, K), normal(dtype, N, K, seed=1), normal(dtype, 2 * N, seed=2)[::2]
            assert_product(cpu.linear(x, W, b), x, W.T, b)
            assert_product(cpu.linear(x, W, None), x, W.T)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("M", [1, FEW, 70])
@pytest.mark.parametrize("parts", [1, 2, 3, 5, 8])
def test_the_parts_of_a_product_make_the_whole(parts: int, M: int, dtype: str) -> None:
    K, N = 9, 101
    x, y, bias = normal(dtype, M, K), normal(dtype, K, N, seed=1), normal(dtype, N, seed=2)
    kernel = (_few_rows if M <= FEW else _one)[np.dtype(dtype)]
    for operand in (y, np.asfortranarray(y)):
        C = np.full((M, N), np.nan, dtype)
        for part in range(parts):
            kernel.piece(x, operand, bias, C, part, parts)
        assert_product(C, x, y, bias)


@pytest.mark.parametrize("dtype", LARGE_FLOATS)
@pytest.mark.parametrize("K", [40, *(pytest.param(K, marks=pytest.mark.compiled) for K in (DEPTH, DEPTH + 9))])
def test_results_do_not_depend_on_the_number_of_parts(K: int, dtype: str) -> None:
    MR, NR = host_registers().tile(np.dtype(dtype))
    M, N = 2 * WORTH_NEAR * MR + 5, 2 * WORTH * NR + 3
    x, y, bias = normal(dtype, M, K), normal(dtype, K, N, seed=1), normal(dtype, N, seed=2)
    results = []
    for parts in (1, 2, 3):
        C = np.full((M, N), np.nan, dtype)
        for part in range(parts):
            _one[np.dtype(dtype)].piece(x, y, bias, C, part, parts)
        results.append(C)
    for C in results[1:]:
        np.testing.assert_array_equal(C, results[0])


@pytest.mark.parametrize("batch", [(1, 2), (5, 1), (2, 3)])
@pytest.mark.parametrize("parts", [1, 2, 3, 4])
def test_the_parts_of_a_batch_make_the_whole(parts: int, batch: tuple[int, int]) -> None:
    x, y = normal("float32", *batch, 4, 9), normal("float32", *batch, 9, 5, seed=1)
    C = np.full((*batch, 4, 5), np.nan, np.float32)
    for part in range(parts):
        _batch[x.dtype].piece(x, y, np.empty(0, np.float32), C, part, parts)
    assert_product(C, x, y)


@pytest.mark.parametrize("dtype", FLOATS)
def test_heads_of_attention_are_multiplied_where_they_are(dtype: str) -> None:
    q, k = (normal(dtype, 2, 7, 3, 5, seed=seed).transpose(0, 2, 1, 3) for seed in (0, 1))  # (B, heads, T, d)
    scores = cpu.matmul(q, k.swapaxes(2, 3))
    assert_product(scores, q, k.swapaxes(2, 3))
    assert_product(cpu.matmul(scores, k), scores, k)
    assert_product(cpu.matmul(scores.swapaxes(2, 3), q), scores.swapaxes(2, 3), q)


def test_operands_are_left_alone_and_results_are_fresh() -> None:
    x, W, b = normal("float32", 1, 3), normal("float32", 1, 3), normal("float32", 1)
    copies = x.copy(), W.copy(), b.copy()
    z = cpu.linear(x, W, b)
    z += 1
    for array, copy in zip((x, W, b), copies, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_integers_go_through_the_reference() -> None:
    x, y = np.arange(6).reshape(2, 3), np.arange(12).reshape(3, 4)
    np.testing.assert_array_equal(cpu.matmul(x, y), x @ y)
    assert isinstance(cpu.matmul(x[0], x[0]), np.ndarray)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("M", [2, 40])
def test_nan_and_infinities_stay_in_their_rows_and_columns(dtype: str, M: int) -> None:
    x, y = normal(dtype, M, 9), normal(dtype, 9, 70, seed=1)
    x[1, 3], y[4, 65] = np.nan, np.inf
    np.testing.assert_array_equal(np.isnan(cpu.matmul(x, y)), np.isnan(reference.matmul(x, y)))
    np.testing.assert_array_equal(np.isinf(cpu.matmul(x, y)), np.isinf(reference.matmul(x, y)))


@pytest.mark.parametrize("dtype", FLOATS)
def test_textbook_loops_agree_with_the_tiles(dtype: str) -> None:
    x, y = normal(dtype, 15, 20), normal(dtype, 20, 33, seed=1)
    C = np.empty((15, 33), dtype)
    inline(textbook)(x, y, C)
    assert_product(C, x, y)
    assert_product(cpu.matmul(x, y), x, y)


def test_tiles_fit_the_registers_of_each_kind_of_processor() -> None:
    kinds = {
        ("x86_64-unknown-linux-gnu", "+sse2,-avx2,-fma"): (16, False, 16),
        ("x86_64-unknown-linux-gnu", "+avx2,+fma,-avx512f"): (32, True, 16),
        ("x86_64-unknown-linux-gnu", "+avx2,+fma,+avx512f"): (64, True, 32),
        ("x86_64-unknown-linux-gnu", "+avx2,-fma"): (16, False, 16),
        ("arm64-apple-darwin", "+neon"): (16, True, 32),
        ("aarch64-unknown-linux-gnu", ""): (16, True, 32),
    }
    for (triple, features), (size, fused, count) in kinds.items():
        registers = find_registers(triple, features)
        assert (registers.bytes, registers.fused) == (size, fused)
        assert registers.rows * registers.vectors + registers.vectors + 1 <= count


@pytest.mark.compiled
@pytest.mark.parametrize("features", ["", "+avx,+avx2,+fma"])
def test_lesser_processors_compute_the_same(features: str, tmp_path: Path) -> None:
    """The code for a processor without AVX-512, and without AVX2 and FMA, run on this one."""
    host = host_registers()
    if features and host.bytes < 32:
        pytest.skip("this processor has no AVX2")
    code = """
import numpy as np
from minigrad.kernels import cpu
from minigrad.kernels.cpu.tile import host_registers
rng = np.random.default_rng(0)
for dtype in (np.float32, np.float64):
    for M, N, K in ((5, 3, 4), (13, 17, 600), (1, 9, 9)):
        x, y = rng.standard_normal((M, K)).astype(dtype), rng.standard_normal((K, N)).astype(dtype)
        assert np.allclose(cpu.matmul(x, y), x @ y, rtol=1e-4, atol=1e-4)
        assert np.allclose(cpu.exp(x), np.exp(x), rtol=1e-6)
        assert np.allclose(cpu.sum(x, (1,), False), x.sum(1), atol=1e-4)
print(host_registers().bytes)
"""
    environment = os.environ | {
        "NUMBA_CPU_NAME": "generic",
        "NUMBA_CPU_FEATURES": features,
        "NUMBA_CACHE_DIR": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    width = 16 if "avx2" not in features else 32
    assert int(done.stdout) == width
