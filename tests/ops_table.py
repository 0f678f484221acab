"""The table of operations: every public one, with samples of edge shapes and layouts, and what NumPy says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad import kernels
from rows import (
    activation,
    arithmetic,
    attention,
    choice,
    comparison,
    contraction,
    convolution,
    cumulative,
    diagonals,
    division,
    exponential,
    extremes,
    indexing,
    joining,
    linear_algebra,
    logic,
    loss,
    order,
    pieces,
    recurrent,
    reduction,
    repeating,
    rounding,
    search,
    selection,
    shape,
    sorting,
    statistics,
    trigonometry,
)
from rows.row import Array, Row, Sample

__all__ = ["DIFFERENTIABLE", "TABLE", "Array", "Row", "Sample", "every_target", "tensors"]

TABLE: list[Row] = [
    *arithmetic.ROWS,
    *division.ROWS,
    *exponential.ROWS,
    *trigonometry.ROWS,
    *rounding.ROWS,
    *choice.ROWS,
    *comparison.ROWS,
    *logic.ROWS,
    *activation.ROWS,
    *reduction.ROWS,
    *linear_algebra.ROWS,
    *shape.ROWS,
    *contraction.ROWS,
    *convolution.ROWS,
    *diagonals.ROWS,
    *joining.ROWS,
    *order.ROWS,
    *pieces.ROWS,
    *repeating.ROWS,
    *cumulative.ROWS,
    *extremes.ROWS,
    *search.ROWS,
    *selection.ROWS,
    *sorting.ROWS,
    *statistics.ROWS,
    *indexing.ROWS,
    *loss.ROWS,
    *recurrent.ROWS,
    *attention.ROWS,
]
DIFFERENTIABLE = [row for row in TABLE if row.differentiable]

every_target = pytest.mark.parametrize(
    "target",
    [pytest.param(name, marks=pytest.mark.once if name == "reference" else ()) for name in kernels.TARGETS],
)


def tensors(sample: Sample, dtype: Any = np.float64, *, requires_grad: bool = True) -> list[mg.Tensor]:
    """The sample's arrays as leaves, in their own layout."""
    found = []
    for array in sample:
        if array.dtype != dtype:
            array = array.astype(dtype, order="K")
        found.append(mg.from_numpy(array).requires_grad_(requires_grad))
    return found
