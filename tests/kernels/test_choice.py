"""Three operands that are repeated to one shape: right for every pattern, and without a copy."""

from __future__ import annotations

import itertools
import tracemalloc

import numpy as np
import pytest

from minigrad.kernels import cpu, reference

SHAPES = [(3, 1, 40), (5, 1), (1,), (3, 5, 40), (40,), (5, 40), (), (2, 1, 1, 40), (2, 3, 5, 1), (0, 1, 1, 40)]


@pytest.mark.parametrize("name", ["clamp", "lerp", "where"])
def test_operands_of_any_shapes_are_those_of_the_reference(name: str) -> None:
    rng, checked = np.random.default_rng(0), 0
    for shapes in itertools.product(SHAPES, repeat=3):
        try:
            np.broadcast_shapes(*shapes)
        except ValueError:
            continue
        x, y, z = (rng.standard_normal(shape) for shape in shapes)
        operands = (x > 0, y, z) if name == "where" else (x, y, z)
        found, want = (getattr(target, name)(*operands) for target in (cpu, reference))
        np.testing.assert_allclose(found, want, rtol=0, atol=1e-14, strict=True)
        checked += 1
    assert checked > 500


@pytest.mark.compiled
@pytest.mark.parametrize("name", ["clamp", "lerp", "where"])
def test_an_operand_that_is_repeated_is_not_copied(name: str) -> None:
    rng = np.random.default_rng(0)
    x, y, z = (rng.standard_normal(shape) for shape in ((500, 400), (1, 400), (500, 1)))
    operands = (x > 0, y, z) if name == "where" else (x, y, z)
    function = getattr(cpu, name)
    function(*operands)  # compiled
    tracemalloc.start()
    out = function(*operands)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1.1 * out.nbytes
