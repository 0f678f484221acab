"""Check a derivative: the backward pass against difference quotients, element by element."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad import dtypes
from minigrad.backward import grad
from minigrad.graph import Array
from minigrad.modes import enable_grad
from minigrad.tensor import Tensor

Function = Callable[..., Any]  # tensors -> a tensor, or a sequence of them


class GradcheckError(AssertionError):
    """A derivative from the backward pass is not the one that the function's values show."""


def gradcheck(
    function: Function,
    inputs: Tensor | Sequence[Tensor],
    *,
    eps: float = 1e-6,
    atol: float = 1e-7,
    rtol: float = 1e-5,
) -> bool:
    """Check that ``backward`` gives ``dy_k/dx_j = (y_k(x + eps e_j) - y_k(x - eps e_j)) / (2 eps)``.

    Every derivative is computed both ways, so keep the inputs small, and away from kinks such as relu's at 0.

    Args:
        function: takes the inputs and gives one float64 tensor or several; the same ones whenever it is called.
        inputs: float64 tensors, whose layout does not matter; those that require a gradient are checked.
        eps: half the step of the difference quotient.
        atol, rtol: an element passes if ``|analytic - numeric| <= atol + rtol |numeric|``.

    Returns:
        True.

    Raises:
        GradcheckError: names the element that is furthest off.
        TypeError: an input or output is not float64, or no tensor.
        ValueError: no input requires a gradient.

    >>> import minigrad as mg
    >>> x = mg.tensor([0.5, 2.0], dtype=mg.float64, requires_grad=True)
    >>> gradcheck(lambda x: x.exp() * x, x)
    True
    """
    ins = _tensors("input", inputs)
    checked = [i for i, t in enumerate(ins) if t.requires_grad]
    if not checked:
        raise ValueError("gradcheck: no input requires a gradient")
    with enable_grad():
        outs = _tensors("output", function(*ins))
        slopes = {i: _numeric(function, ins, i, eps) for i in checked}
        for k, out in enumerate(outs):
            analytic = _analytic(out, [ins[i] for i in checked])
            for i, found in zip(checked, analytic, strict=True):
                _compare(i, k, found, slopes[i][k], ins[i].shape, out.shape, atol, rtol)
    return True


def gradgradcheck(
    function: Function,
    inputs: Tensor | Sequence[Tensor],
    *,
    eps: float = 1e-6,
    atol: float = 1e-7,
    rtol: float = 1e-5,
) -> bool:
    """:func:`gradcheck` of the derivative: of ``sum_k v_k dy_k/dx``, for the inputs and for random weights v.

    >>> import minigrad as mg
    >>> x = mg.tensor([0.5, 2.0], dtype=mg.float64, requires_grad=True)
    >>> gradgradcheck(lambda x: x.exp() * x, x)
    True
    """
    ins = _tensors("input", inputs)
    random = np.random.default_rng(0)
    weights = [
        Tensor(np.asarray(random.uniform(0.5, 1.5, out.shape)), requires_grad=True)
        for out in _tensors("output", function(*ins))
    ]

    def first_derivative(*tensors: Tensor) -> list[Tensor]:
        x, v = tensors[: len(ins)], tensors[len(ins) :]
        wanted = [t for t in x if t.requires_grad]
        outs = _tensors("output", function(*x))
        found = grad(outs, wanted, v, create_graph=True, allow_unused=True)
        return [g for g in found if g is not None]

    return gradcheck(first_derivative, [*ins, *weights], eps=eps, atol=atol, rtol=rtol)


def _tensors(what: str, given: Any) -> list[Tensor]:
    found = [given] if isinstance(given, Tensor) else list(given)
    for i, t in enumerate(found):
        if not isinstance(t, Tensor) or t.dtype != dtypes.float64:
            kind = t.dtype if isinstance(t, Tensor) else type(t).__name__
            raise TypeError(f"gradcheck: {what} {i} is {kind}: difference quotients need float64, use t.double()")
    return found


def _analytic(out: Tensor, wanted: Sequence[Tensor]) -> list[Array]:
    """One Jacobian for each wanted input, from one backward pass for each element of the output."""
    jacobians = [np.zeros((out.numel(), t.numel())) for t in wanted]
    if not out.requires_grad:
        return jacobians
    for k in range(out.numel()):
        seed = np.zeros(out.shape)
        seed.reshape(-1)[k] = 1
        found = grad(out, wanted, Tensor(seed), retain_graph=True, allow_unused=True)
        for jacobian, g in zip(jacobians, found, strict=True):
            if g is not None:
                jacobian[k] = g.array.reshape(-1)
    return jacobians


def _numeric(function: Function, inputs: Sequence[Tensor], i: int, eps: float) -> list[Array]:
    """One Jacobian for each output, column by column, from the function's values around input ``i``."""
    columns: list[list[Array]] = []

    def values(j: int, step: float) -> list[Array]:
        moved = np.array(inputs[i].array, order="C")
        moved.reshape(-1)[j] += step
        tensors = [Tensor(moved, requires_grad=True) if t is inputs[i] else t for t in inputs]
        return [out.array.reshape(-1) for out in _tensors("output", function(*tensors))]

    for j in range(inputs[i].numel()):
        above, below = values(j, eps), values(j, -eps)
        columns.append([(up - down) / (2 * eps) for up, down in zip(above, below, strict=True)])
    if not columns:
        return [np.zeros((out.numel(), 0)) for out in _tensors("output", function(*inputs))]
    return [np.stack(column, axis=1) for column in zip(*columns, strict=True)]


def _compare(
    i: int, k: int, analytic: Array, numeric: Array, x_shape: tuple[int, ...], y_shape: tuple[int, ...],
    atol: float, rtol: float,
) -> None:  # fmt: skip
    """Raise GradcheckError with the worst element, unless all are close."""
    off = np.abs(analytic - numeric) - (atol + rtol * np.abs(numeric))
    off = np.where(np.isnan(off), np.inf, off)  # NaN is never close
    if off.size and off.max() > 0:
        row, column = np.unravel_index(off.argmax(), off.shape)
        at_y = tuple(int(n) for n in np.unravel_index(row, y_shape))
        at_x = tuple(int(n) for n in np.unravel_index(column, x_shape))
        raise GradcheckError(
            f"the derivative of output {k} at {at_y} for input {i} at {at_x} is "
            f"{analytic[row, column]:.9g} in the backward pass, "
            f"{numeric[row, column]:.9g} by differences ({np.sum(off > 0)} of {off.size} are off)"
        )
