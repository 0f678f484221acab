"""The kernels of matrix products compile for every generation of GPUs, and keep their sums in registers."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pytest

from minigrad.kernels import rules
from ptxas import Needs, assemble, tool

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
    from minigrad.kernels.cuda import products

    for dtype in (*FLOATS, np.dtype(np.int64), np.dtype(np.int8), np.dtype(np.bool_)):
        assert ".entry" in products.textbook(dtype).ptx(capability)
    past = capability >= products.PAST_REGISTERS
    for dtype, rule in itertools.product(FLOATS, (products.as_it_is, rules.relu, rules.gelu)):
        assert ".entry" in products.gather(dtype, rule).ptx(capability)
        tile = products.TILES[past, dtype.itemsize][0]
        assert ".entry" in products.kernel(dtype, tile, "k", "side", rule, past).ptx(capability)
