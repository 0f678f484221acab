"""Products on tensor cores, in the simulator: who holds what in a warp, rounding, edges, layouts, batches."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import minigrad as mg
from minigrad import kernels

cuda = kernels.load("cuda")
from minigrad.kernels.cuda import chain, products  # noqa: E402 (the simulator is chosen before)
from minigrad.kernels.cuda.fragments import KINDS, numbers, rounded  # noqa: E402
from minigrad.kernels.cuda.tensor_core import DEEP, WarpTile  # noqa: E402

PRECISIONS = ["high", "medium", "fp16"]


@pytest.fixture(autouse=True)
def on_tensor_cores(recipes_anew: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The simulator has tensor cores, and no product is too small for them."""
    monkeypatch.setattr(products, "TENSOR_CORES", (0, 0))
    monkeypatch.setattr(products, "LEAST_WORK", 1)
    yield
    mg.set_float32_matmul_precision("highest")


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def as_held(x: np.ndarray, name: str) -> np.ndarray:
    """The numbers, rounded to that kind, as float64."""
    kind = KINDS[name]
    flat = x.ravel()
    even = np.concatenate([flat, np.zeros(len(flat) % 2, np.float32)])
    return numbers(kind, rounded(kind, even))[: len(flat)].reshape(x.shape).astype(np.float64)


def assert_product(
    got: np.ndarray, x: np.ndarray, y: np.ndarray, name: str, bias: np.ndarray | None = None
) -> None:
    """The exact product of the rounded operands, but for the rounding of sums in float32."""
    x, y = as_held(x, name), as_held(y, name)
    b = 0.0 if bias is None else bias.astype(np.float64)
    bound = (x.shape[-1] + 1) * np.finfo(np.float32).eps * (np.abs(x) @ np.abs(y) + np.abs(b))
    assert got.dtype == np.float32
    assert (np.abs(got - (x @ y + b)) <= bound).all()


@pytest.mark.once
@pytest.mark.parametrize("tile", products.WARP_TILES)
@pytest.mark.parametrize("name", KINDS)
def test_products_are_right_at_every_edge_of_a_tile(
    name: str, tile: WarpTile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(products, "WARP_TILES", (tile, tile))
    monkeypatch.setattr(products.precision, "operands", lambda: name)
    deep = DEEP * KINDS[name].numbers
    sizes = [(M, tile.columns + 1, deep + 3) for M in (1, tile.rows - 1, tile.rows, tile.rows + 1)]
    sizes += [(tile.rows + 1, N, 5) for N in (1, tile.columns - 1, tile.columns)]
    for M, N, K in [*sizes, *((3, 5, K) for K in (1, 2, deep - 1, deep, deep + 1, 3 * deep + 2))]:
        x, y = normal(M, K), normal(K, N, seed=1)
        assert_product(cuda.matmul(cuda.to_device(x, 0), cuda.to_device(y, 0)).host(), x, y, name)


@pytest.mark.once
@pytest.mark.parametrize("tile", products.LARGE_WARPS)
def test_the_tiles_of_real_devices_are_right_too(tile: WarpTile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "WARP_TILES", (tile, tile))
    mg.set_float32_matmul_precision("medium")
    x, y = normal(tile.rows, 2 * DEEP + 5), normal(2 * DEEP + 5, tile.columns - 1, seed=1)
    assert_product(cuda.matmul(cuda.to_device(x, 0), cuda.to_device(y, 0)).host(), x, y, "bf16")


@pytest.mark.once
@pytest.mark.parametrize("precision", PRECISIONS)
def test_operands_lie_in_any_way(precision: str) -> None:
    mg.set_float32_matmul_precision(precision)
    name = str(products.precision.operands())
    x, y = normal(2, 20, 19), normal(3, 1, 19, 18, seed=1)
    for swapped in (False, True):
        left, right = cuda.to_device(x, 0), cuda.to_device(y, 0)
        if swapped:
            left = cuda.to_device(x.swapaxes(1, 2).copy(), 0).transpose((0, 2, 1))
            right = cuda.to_device(y.swapaxes(2, 3).copy(), 0).transpose((0, 1, 3, 2))
        assert_product(cuda.matmul(left, right).host(), x, y, name)
        assert_product(cuda.matmul(left, right[0, 0]).host(), x, y[0, 0], name)
        assert_product(cuda.matmul(left[0, ::2], right[2, 0]).host(), x[0, ::2], y[2, 0], name)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_bias_and_rule_come_after_the_sum(precision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    mg.set_float32_matmul_precision(precision)
    name = str(products.precision.operands())
    x, W, b = normal(2, 9, 20), normal(34, 20, seed=1), normal(34, seed=2)
    given = [cuda.to_device(array, 0) for array in (x, W, b)]
    z = cuda.linear(*given).host()
    assert_product(z, x, W.T, name, b)
    monkeypatch.setattr(chain, "PATIENCE", 0)
    before = mg.cuda.kernel_launches()
    np.testing.assert_array_equal(cuda.relu(cuda.linear(*given)).host(), np.maximum(z, 0))
    assert mg.cuda.kernel_launches() - before == 3  # two operands packed, and the product


def test_a_product_is_rounded_as_was_set_when_it_was_called() -> None:
    x, y = mg.tensor(normal(9, 20), device="cuda"), mg.tensor(normal(20, 34, seed=1), device="cuda")
    mg.set_float32_matmul_precision("medium")
    rounded = x @ y
    mg.set_float32_matmul_precision("highest")
    exact = x @ y  # the product before may have waited until now
    assert_product(rounded.cpu().numpy(), x.cpu().numpy(), y.cpu().numpy(), "bf16")
    mg.set_float32_matmul_precision("medium")
    np.testing.assert_allclose(exact.cpu().numpy(), x.cpu().numpy() @ y.cpu().numpy(), atol=1e-5)


def test_only_large_float32_products_are_rounded(monkeypatch: pytest.MonkeyPatch) -> None:
    mg.set_float32_matmul_precision("medium")
    x, y = normal(4, 8), normal(8, 4, seed=1)
    assert_product(cuda.matmul(cuda.to_device(x, 0), cuda.to_device(y, 0)).host(), x, y, "bf16")
    exact = x.astype(np.float64) @ y
    double = cuda.matmul(cuda.to_device(x.astype(np.float64), 0), cuda.to_device(y.astype(np.float64), 0))
    np.testing.assert_allclose(double.host(), exact, rtol=1e-14)
    monkeypatch.setattr(products, "LEAST_WORK", 4 * 8 * 4 + 1)
    np.testing.assert_allclose(cuda.matmul(cuda.to_device(x, 0), cuda.to_device(y, 0)).host(), exact, atol=1e-6)


def test_every_kind_of_operand_has_a_name_for_users() -> None:
    found = set()
    for precision in [*PRECISIONS, "highest"]:
        mg.set_float32_matmul_precision(precision)
        assert mg.get_float32_matmul_precision() == precision
        found.add(products.precision.operands())
    assert found == {*KINDS, None}


def test_fp16_ends_at_65504_and_sums_are_float32() -> None:
    mg.set_float32_matmul_precision("fp16")
    x = np.array([[65504, 0, 0], [65519, 0, 0], [65520, 0, 0], [-1e6, 0, 0], [60000, 60000, 60000]], np.float32)
    y = np.ones((3, 1), np.float32)
    found = cuda.matmul(cuda.to_device(x, 0), cuda.to_device(y, 0)).host()
    rounded_60000 = np.float32(np.float16(60000))
    np.testing.assert_array_equal(found[:, 0], [65504, 65504, np.inf, -np.inf, 3 * rounded_60000])


def test_numbers_are_rounded_to_the_nearest() -> None:
    step = np.float32(2.0**-7)  # between bf16 numbers from 1 on; halves go to the even one
    x = np.array([1, 1 + step / 2, 1 + 1.5 * step, 1 + 0.51 * step, -3e38, np.inf, -np.inf, np.nan], np.float32)
    found = numbers(KINDS["bf16"], rounded(KINDS["bf16"], x))
    np.testing.assert_array_equal(found[:4], np.array([1, 1, 1 + 2 * step, 1 + step], np.float32))
    np.testing.assert_array_equal(found[5:], x[5:])
    step = np.float32(2.0**-10)  # TF32; halves go away from zero
    x = np.array([1, 1 + step / 2, -1 - step / 2, 1 + 0.49 * step, np.inf, np.nan], np.float32)
    found = numbers(KINDS["tf32"], rounded(KINDS["tf32"], x))
    np.testing.assert_array_equal(found, np.array([1, 1 + step, -1 - step, 1, np.inf, np.nan], np.float32))
    for name, kind in KINDS.items():
        x = normal(1000)
        assert np.abs(as_held(x, name) / x - 1).max() <= 2.0**-kind.bits


@pytest.mark.peer
def test_bf16_is_that_of_pytorch() -> None:
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).integers(0, 2**32, 100_000, dtype=np.uint32).view(np.float32)
    found = numbers(KINDS["bf16"], rounded(KINDS["bf16"], x))
    np.testing.assert_array_equal(found, torch.tensor(x).bfloat16().float().numpy())


def test_an_unknown_precision_is_refused() -> None:
    names = "'highest', 'high', 'medium', 'fp16'"
    with pytest.raises(ValueError, match=f"there is no precision 'low', use one of {names}"):
        mg.set_float32_matmul_precision("low")
    assert mg.get_float32_matmul_precision() == "highest"
