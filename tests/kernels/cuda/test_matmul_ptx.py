"""The kernels of matrix products compile for every generation of GPUs, and keep their sums in registers."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ptxas import Needs, assemble, loop, tool

if TYPE_CHECKING:
    from minigrad.kernels.cuda.tile import Tile

pytestmark = pytest.mark.ptx

TURING, AMPERE, HOPPER = (7, 5), (8, 0), (9, 0)
FLOATS = [np.dtype(np.float32), np.dtype(np.float64)]
needs_assembler = pytest.mark.skipif(tool("ptxas") is None, reason="there is no ptxas: install the extra cuda12")


def needs(tile: Tile, dtype: np.dtype, ways: tuple[str, str], capability: tuple[int, int]) -> Needs:
    from minigrad.kernels.cuda import products

    past = capability >= products.PAST_REGISTERS
    kernel = products.kernel(dtype, tile, *ways, products.as_it_is, past)
    return assemble(kernel.ptx(capability), capability)[0]


@needs_assembler
@pytest.mark.parametrize("capability", [TURING, AMPERE, HOPPER])
@pytest.mark.parametrize("dtype", FLOATS)
def test_sums_stay_in_registers_and_blocks_share_a_multiprocessor(
    dtype: np.dtype, capability: tuple[int, int]
) -> None:
    """Nothing is in local memory; and while one warp waits another computes, in all four schedulers."""
    from minigrad.kernels.cuda import products

    past = capability >= products.PAST_REGISTERS
    possible = [("vectors", "vectors"), ("k", "vectors")] if past else [("side", "side")]
    for tile, ways in itertools.product(products.TILES[past, dtype.itemsize], [*possible, ("k", "k")]):
        found = needs(tile, dtype, ways, capability)
        blocks = found.blocks(tile.threads, capability)
        assert (found.spilled, found.stack) == (0, 0), (tile, ways)
        assert blocks * tile.threads >= (8 * 32 if past else 4 * 32), (tile, ways)


@pytest.mark.parametrize("capability", [TURING, AMPERE, HOPPER])
def test_the_other_kernels_compile_too(capability: tuple[int, int]) -> None:
    from minigrad.kernels import cuda
    from minigrad.kernels.cuda import products
    from minigrad.kernels.cuda.steps import Step

    for dtype in (*FLOATS, np.dtype(np.int64), np.dtype(np.int8), np.dtype(np.bool_)):
        assert ".entry" in products.textbook(dtype).ptx(capability)
    past = capability >= products.PAST_REGISTERS
    for dtype, function in itertools.product(FLOATS, (None, cuda.relu, cuda.gelu)):
        steps = () if function is None else (Step(function, ("t0",), dtype, dtype),)
        assert ".entry" in products.gather(dtype, steps).ptx(capability)
        tile = products.TILES[past, dtype.itemsize][0]
        assert ".entry" in products.kernel(dtype, tile, "k", "side", steps, past).ptx(capability)


@pytest.mark.parametrize("dtype", FLOATS)
def test_an_epilogue_is_not_contracted(dtype: np.dtype) -> None:
    """What has no .rn, or is one more multiply-add, would have other bits than in a kernel apart."""
    from minigrad.kernels import cuda
    from minigrad.kernels.cuda import products
    from minigrad.kernels.cuda.steps import Step

    def arithmetic(ptx: str) -> Counter[str]:
        return Counter(re.findall(r"\b(?:fma|mul|add|sub)(?:\.\w+)*\.f\d\d\b", ptx))

    bits, tile = 8 * dtype.itemsize, products.TILES[True, dtype.itemsize][0]
    scale = Step(cuda.mul, ("t0", "s0"), dtype, dtype), Step(cuda.add, ("t1", "s1"), dtype, dtype)
    kernels = [products.kernel(dtype, tile, "k", "vectors", steps, True) for steps in ((), scale)]
    kernels += [products.gather(dtype, steps) for steps in ((), scale)]
    if dtype == np.float32:
        kernels += [products.tensor_kernel("bf16", products.WARP_TILES[0], steps) for steps in ((), scale)]
    for plain, scaled in zip(kernels[::2], kernels[1::2], strict=True):
        alone, both = arithmetic(plain.ptx(AMPERE)), arithmetic(scaled.ptx(AMPERE))
        assert both[f"fma.rn.f{bits}"] == alone[f"fma.rn.f{bits}"]
        assert both[f"mul.rn.f{bits}"] > alone[f"mul.rn.f{bits}"] == 0
        assert both[f"add.rn.f{bits}"] > 0
        assert {*both} <= {f"{name}.rn.f{bits}" for name in ("fma", "mul", "add")}


@needs_assembler
def test_an_epilogue_takes_no_registers_from_the_sums() -> None:
    from minigrad.kernels import cuda
    from minigrad.kernels.cuda import products
    from minigrad.kernels.cuda.steps import Step

    dtype = FLOATS[0]
    steps = Step(cuda.gelu, ("t0",), dtype, dtype), Step(cuda.elu, ("t1", "s0", "s1", "s2"), dtype, dtype)
    tile, warps = products.TILES[True, 4][0], products.WARP_TILES[0]
    for which in ((), steps):
        plain = products.kernel(dtype, tile, "k", "vectors", which, True)
        kernels = plain, products.tensor_kernel("fp16", warps, which)
        for kernel, threads in zip(kernels, (tile.threads, warps.threads), strict=True):
            ptx = kernel.ptx(HOPPER)
            found = assemble(ptx, HOPPER)[0]
            assert (found.spilled, found.stack, ".f64" in ptx) == (0, 0, False)
            assert found.blocks(threads, HOPPER) * threads >= 8 * 32


@needs_assembler
@pytest.mark.parametrize("capability", [AMPERE, HOPPER])
@pytest.mark.parametrize("name", ["tf32", "bf16", "fp16"])
def test_sums_of_tensor_cores_stay_in_registers(name: str, capability: tuple[int, int]) -> None:
    from minigrad.kernels.cuda import products

    for tile in products.WARP_TILES:
        kernel = products.tensor_kernel(name, tile, products.as_it_is)
        found = assemble(kernel.ptx(capability), capability)[0]
        assert (found.spilled, found.stack) == (0, 0), tile
        assert found.blocks(tile.threads, capability) * tile.threads >= 8 * 32, tile
    assert assemble(products.pack_kernel(name).ptx(capability), capability)[0].spilled == 0


@needs_assembler
@pytest.mark.skipif(tool("nvdisasm") is None, reason="there is no nvdisasm: install a CUDA toolkit")
def test_loops_do_little_but_multiply() -> None:
    """What the multipliers wait for is what else is in the loop, and a load that is not of 16 bytes."""
    from minigrad.kernels.cuda import products

    dtype, tile = np.dtype(np.float32), products.TILES[True, 4][0]
    kernel = products.kernel(dtype, tile, "k", "vectors", products.as_it_is, True)
    counts = loop(assemble(kernel.ptx(HOPPER), HOPPER)[1], "FFMA")
    assert counts["FFMA"] == tile.high * tile.wide * tile.depth
    assert counts["LDS.128"] == (tile.high + tile.wide) / 4 * tile.depth
    assert counts["FFMA"] > 0.85 * counts.total()
    kernel = products.tensor_kernel("bf16", products.WARP_TILES[0], products.as_it_is)
    counts = loop(assemble(kernel.ptx(HOPPER), HOPPER)[1], "HMMA")
    assert (counts["HMMA.16816.F32.BF16"], counts["LDSM.16.M88.4"]) == (64, 16)
    assert counts["MOV"] + counts["IMAD.MOV.U32"] <= 8  # operands are loaded where they are multiplied
