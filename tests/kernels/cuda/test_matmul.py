"""Matrix products on the GPU, in the simulator: every edge of every tile, every layout, batches, bias and rule."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from minigrad import kernels

cuda = kernels.load("cuda")
from minigrad.kernels.cuda import chain, products  # noqa: E402 (the simulator is chosen before)
from minigrad.kernels.cuda.array import DeviceArray  # noqa: E402
from minigrad.kernels.cuda.tile import Tile  # noqa: E402

pytestmark = pytest.mark.usefixtures("recipes_anew")

FLOATS = ["float32", "float64"]
TILES = [
    (np.dtype(f"float{8 * itemsize}"), tile, past)
    for (past, itemsize), tiles in products.TILES.items()
    for tile in tiles
]


def normal(dtype: str | np.dtype, *shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def on_device(x: np.ndarray) -> DeviceArray:
    """The array with the same layout in memory, for views too."""
    base = x
    while isinstance(base.base, np.ndarray):
        base = base.base
    whole = cuda.to_device(base.ravel(order="K"), 0)
    offset = x.__array_interface__["data"][0] - base.__array_interface__["data"][0]
    found: DeviceArray = whole.view(x.shape, x.strides, offset)
    return found


def assert_product(got: DeviceArray, x: np.ndarray, y: np.ndarray, bias: np.ndarray | None = None) -> None:
    """|got - exact| <= (K + 1) eps (|x| @ |y| + |bias|), the bound of any order of summation (Higham, 2002)."""
    b = np.zeros((), x.dtype) if bias is None else bias
    exact = x.astype(np.float64) @ y.astype(np.float64) + b.astype(np.float64)
    size = np.abs(x).astype(np.float64) @ np.abs(y).astype(np.float64) + np.abs(b).astype(np.float64)
    # twice in float64, where the product compared with is rounded too
    bound = (x.shape[-1] + 1) * np.finfo(x.dtype).eps * size * (1 if x.dtype == np.float32 else 2)
    assert (got.dtype, got.shape, got.contiguous) == (x.dtype, exact.shape, True)
    assert (np.abs(got.host() - exact) <= bound).all()


def force(monkeypatch: pytest.MonkeyPatch, tile: Tile, past_registers: bool, parts: int = 1) -> None:
    """Let all products be computed with this tile, this way of copying, and k in so many parts."""

    def plan(M: int, N: int, K: int, count: int, processors: int, past: bool, itemsize: int) -> products.Plan:
        deep = -(-K // (parts * tile.depth)) * tile.depth
        return products.Plan(tile, parts, max(deep, 1))

    monkeypatch.setattr(products, "plan", plan)
    monkeypatch.setattr(products, "PAST_REGISTERS", (0, 0) if past_registers else (99, 0))


@pytest.mark.once
@pytest.mark.parametrize(("dtype", "tile", "past_registers"), TILES)
def test_products_are_right_at_every_edge_of_a_tile(
    dtype: np.dtype, tile: Tile, past_registers: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    force(monkeypatch, tile, past_registers)
    rows, columns, depth = ([0, 1, n - 1, n, n + 1] for n in (tile.rows, tile.columns, tile.depth))
    sizes = [*((M, N, tile.depth + 3) for M in rows for N in columns), *((5, 6, K) for K in depth)]
    for M, N, K in [*sizes, (tile.rows + 1, tile.columns + 1, 3 * tile.depth + 1)]:
        x, y = normal(dtype, M, K), normal(dtype, K, N, seed=1)
        assert_product(cuda.matmul(on_device(x), on_device(y)), x, y)


@pytest.mark.once
@pytest.mark.parametrize(("past_registers", "itemsize"), products.LARGE)
def test_the_tiles_of_real_devices_are_right_too(
    past_registers: bool, itemsize: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for tile in products.LARGE[past_registers, itemsize]:
        force(monkeypatch, tile, past_registers)
        dtype, M, N, K = f"float{8 * itemsize}", tile.rows + 1, tile.columns + 4, 2 * tile.depth + 1
        x, y = normal(dtype, M, K), normal(dtype, K, N, seed=1)
        assert_product(cuda.matmul(on_device(x), on_device(y)), x, y)


def layouts(n: int, m: int, dtype: np.dtype, seed: int) -> list[np.ndarray]:
    """(n, m) as matrices lie in memory: rows, columns, at odd places, spread, backwards, one row."""
    x = normal(dtype, n, m, seed=seed)
    wide = normal(dtype, n, 8 * (m // 8 + 1), seed=seed)
    return [
        x,
        np.asfortranarray(x),
        normal(dtype, n + 1, m + 1)[1:, 1:],
        wide[:, :m],
        wide.T.copy().T[:, :m],
        normal(dtype, 2 * n, 3 * m, seed=seed)[::2, ::3],
        x[::-1, ::-1],
        np.broadcast_to(x[:1], (n, m)),
    ]


@pytest.mark.once
@pytest.mark.parametrize(("dtype", "tile", "past_registers"), TILES[1:5:2])
def test_operands_are_read_as_they_lie(
    dtype: np.dtype, tile: Tile, past_registers: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    force(monkeypatch, tile, past_registers)
    M, N, K = tile.rows + 3, tile.columns - 3, tile.depth + 5
    for x, y in itertools.product(layouts(M, K, dtype, 0), layouts(K, N, dtype, 1)):
        assert_product(cuda.matmul(on_device(x), on_device(y)), x, y)


def test_threads_copy_what_lies_side_by_side() -> None:
    def way(x: np.ndarray, vectors: bool = True) -> str:
        of_a = on_device(x)
        aligned, size = products.Matrices.of(of_a).aligned, x.itemsize
        return products.Side(aligned, size, *(s // size for s in x.strides), 0, 0).way(vectors)

    x = normal("float32", 8, 12)
    assert way(x) == "k"
    assert way(x.T) == "vectors"
    assert way(x.T, vectors=False) == "side"
    assert way(x[:, :10].T) == "vectors"  # the last vector reaches over the side's end, and is cut there
    assert way(x[:, 1:].T) == "side"  # begins between two multiples of 16 bytes
    assert way(normal("float32", 8, 10).T) == "side"  # the next row begins there


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("parts", [2, 3, 8])
def test_parts_of_k_make_the_whole_sum(parts: int, dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tile = products.TILES[True, np.dtype(dtype).itemsize][0]
    force(monkeypatch, tile, True, parts)
    monkeypatch.setattr(chain, "PATIENCE", 0)
    for K in (1, tile.depth, parts * tile.depth + 1, 50):
        x, W, b = normal(dtype, 3, K), normal(dtype, 7, K, seed=1), normal(dtype, 7, seed=2)
        assert_product(cuda.linear(on_device(x), on_device(W), on_device(b)), x, W.T, b)
        batch = normal(dtype, 2, K, 5)
        assert_product(cuda.matmul(on_device(x), on_device(batch)), x, batch)
        found = cuda.relu(cuda.linear(on_device(x), on_device(W), on_device(b)))
        assert found.host().min() == 0  # the rule comes after the sum


def test_long_sums_of_small_products_are_cut_in_parts() -> None:
    assert products.plan(16, 16, 5000, 1, 132, True, 4).parts > 1
    assert products.plan(5000, 5000, 5000, 1, 132, True, 4).parts == 1
    assert products.plan(16, 16, 5000, 5000, 132, True, 4).parts == 1


@pytest.mark.parametrize("dtype", FLOATS)
def test_vectors_and_batches_have_the_shapes_of_numpy(dtype: str) -> None:
    shapes: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
        ((7,), (7,)), ((7,), (7, 5)), ((6, 7), (7,)), ((2, 6, 7), (7,)), ((7,), (3, 7, 5)),
        ((4, 6, 7), (7, 5)), ((2, 4, 6, 7), (7, 5)), ((6, 7), (4, 7, 5)), ((4, 6, 7), (4, 7, 5)),
        ((4, 1, 6, 7), (3, 7, 5)), ((2, 1, 6, 7), (1, 3, 7, 5)), ((0, 6, 7), (7, 5)), ((0, 6, 7), (0, 7, 5)),
        ((4, 6, 0), (4, 0, 5)), ((4, 0, 7), (7, 5)), ((2, 1, 2, 1, 3, 2), (1, 2, 1, 3, 2, 3)),
    ]  # fmt: skip
    for x_shape, y_shape in shapes:
        x, y = normal(dtype, *x_shape), normal(dtype, *y_shape, seed=1)
        assert_product(cuda.matmul(on_device(x), on_device(y)), x, y)
    x, y = normal(dtype, 7, 6, 4).transpose(2, 1, 0), normal(dtype, 4, 5, 7).transpose(0, 2, 1)
    assert_product(cuda.matmul(on_device(x), on_device(y)), x, y)
    assert_product(cuda.matmul(on_device(x), on_device(y[0])), x, y[0])


@pytest.mark.parametrize("dtype", FLOATS)
def test_linear_adds_the_bias(dtype: str) -> None:
    for batch in ((), (1,), (3,), (17,), (0,), (2, 3), (2, 0, 3)):
        for K, N in ((20, 33), (5, 1), (1, 3), (0, 4)):
            x, W, b = normal(dtype, *batch, K), normal(dtype, N, K, seed=1), normal(dtype, 2 * N, seed=2)[::2]
            assert_product(cuda.linear(on_device(x), on_device(W), on_device(b)), x, W.T, b)
            assert_product(cuda.linear(on_device(x), on_device(W), None), x, W.T)


@pytest.mark.parametrize("dtype", ["int64", "int32", "int8", "uint8", "bool"])
def test_integers_go_by_the_textbook(dtype: str) -> None:
    rng = np.random.default_rng(0)
    for x_shape, y_shape in (((5, 7), (7, 9)), ((3, 5, 7), (7, 9)), ((2, 5, 7), (2, 7, 3)), ((5, 0), (0, 3))):
        x, y = (
            rng.integers(0, 2 if dtype == "bool" else 100, shape).astype(dtype) for shape in (x_shape, y_shape)
        )
        np.testing.assert_array_equal(cuda.matmul(on_device(x), on_device(y)).host(), x @ y, strict=True)


@pytest.mark.parametrize("dtype", FLOATS)
def test_the_textbook_agrees_with_the_tiles(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = normal(dtype, 2, 15, 20), normal(dtype, 20, 33, seed=1)
    monkeypatch.setattr(products, "FLOATS", ())
    assert_product(cuda.matmul(on_device(x), on_device(y)), x, y)
    W, b = np.ascontiguousarray(y.T), normal(dtype, 33)
    assert_product(cuda.linear(on_device(x), on_device(W), on_device(b)), x, W.T, b)


def test_nan_and_infinities_stay_in_their_rows_and_columns() -> None:
    x, y = normal("float32", 20, 9), normal("float32", 9, 40, seed=1)
    x[1, 3], y[4, 35] = np.nan, np.inf
    found, exact = cuda.matmul(on_device(x), on_device(y)).host(), x @ y
    np.testing.assert_array_equal(np.isnan(found), np.isnan(exact))
    np.testing.assert_array_equal(np.isinf(found), np.isinf(exact))


def test_operands_are_left_alone() -> None:
    x, W, b = normal("float32", 4, 3), normal("float32", 5, 3), normal("float32", 5)
    given = [on_device(array) for array in (x, W, b)]
    cuda.linear(*given)
    for array, copy in zip(given, (x, W, b), strict=True):
        np.testing.assert_array_equal(array.host(), copy)
