"""The complex step: derivatives from values alone, exact to the last digits.

``f'(x) = Im f(x + ih) / h`` for an analytic f. Nothing is subtracted, so h may be so small that ``h^2`` is lost
beside 1, and what is left is rounding, where a difference quotient loses half of its digits. Source: W. Squire and
G. Trapp, "Using complex variables to estimate derivatives of real functions", 1998.

A function is run once as it is, and the operations that it ran are then run again on complex arrays, with the
reference kernels: NumPy's functions are analytic or choose between analytic pieces, and a :class:`Step` makes the
choice by the real part.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from minigrad import kernels
from minigrad.graph import Op
from minigrad.kernels import Array
from minigrad.modes import observe
from minigrad.tensor import Tensor

STEP = 1e-40  # its square is 0 beside any number that float64 arithmetic would see

#: Flat between jumps, so that only the real part matters.
FLAT = {
    np.sign, np.floor, np.ceil, np.trunc, np.rint, np.isnan, np.isinf, np.isfinite, np.equal, np.not_equal,
    np.less, np.less_equal, np.greater, np.greater_equal,
}  # fmt: skip


class NotAnalyticError(TypeError):
    """A kernel has no meaning for complex numbers, or does not carry the imaginary part on."""


class Step(np.ndarray[Any, Any]):
    """An array ``x + i h dx``. Functions with kinks choose a side by x."""

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        plain = [_plain(x) for x in inputs]
        if ufunc in FLAT:
            return getattr(ufunc, method)(*[np.real(x) for x in plain], **options)
        if ufunc is np.absolute:
            return np.where(plain[0].real < 0, -plain[0], plain[0]).view(Step)
        if ufunc in (np.maximum, np.minimum) and method == "__call__":
            x, y = plain
            is_first = np.real(x) >= np.real(y) if ufunc is np.maximum else np.real(x) <= np.real(y)
            return np.where(is_first | np.isnan(np.real(x)), x, y).view(Step)
        if "out" in options:
            options["out"] = tuple(_plain(x) for x in options["out"])
        return _step(getattr(ufunc, method)(*plain, **options))

    def __array_function__(self, function: Any, types: Any, arguments: Any, options: Any) -> Any:
        return _step(super().__array_function__(function, types, arguments, options))

    def astype(self, dtype: Any, *options: Any, **named: Any) -> Any:
        if np.dtype(dtype) == np.float64:
            return self.copy()
        if np.dtype(dtype).kind == "f":
            raise NotAnalyticError(f"{dtype} holds no small enough step")
        return super().astype(dtype, *options, **named)


class Run:
    """One call of a function, with the operations that it ran, which can be run again on complex arrays."""

    def __init__(self, function: Callable[..., Any], inputs: Sequence[Tensor]) -> None:
        self.steps: list[tuple[Op, tuple[Tensor, ...], Tensor]] = []
        self.inputs = inputs
        with observe(lambda op, given, out, seconds: self.steps.append((op, given, out))):
            self.value = function(*inputs)

    def derivatives(self, outputs: Sequence[Tensor], directions: Mapping[int, Array]) -> list[Array]:
        """The derivative of each output when some of the inputs move, each in its direction.

        Raises NotAnalyticError where a kernel cannot carry a step.
        """
        target = kernels.load("reference")
        steps: dict[int, Array] = {}  # by the id of the array that was there in the first run
        for i, direction in directions.items():
            array = self.inputs[i].array
            steps[id(array)] = np.asarray(array + 1j * STEP * direction).view(Step)
        for op, given, out in self.steps:
            if op.is_differentiable and any(id(t.array) in steps for t in given):
                if any(t.array is out.array for t in given):
                    raise NotAnalyticError(f"{op} works in place")
                z = _again(op, target, [steps.get(id(t.array), t.array) for t in given])
                if not np.allclose(z.real, out.array, rtol=1e-10, atol=1e-12, equal_nan=True):
                    raise NotAnalyticError(f"{op} gives another value for complex numbers")
                if z.dtype.kind == "c":  # or else it is flat where a step arrived
                    steps[id(out.array)] = z.view(Step)
        found = [steps.get(id(out.array)) for out in outputs]
        return [
            np.zeros(out.shape) if z is None else np.asarray(z.imag) / STEP
            for z, out in zip(found, outputs, strict=True)
        ]


def _again(op: Op, target: Any, arrays: list[Array]) -> Array:
    """What an operation makes of arrays of which some are complex."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", np.exceptions.ComplexWarning)
            return np.asarray(op.forward(target, *arrays))
    except (TypeError, np.exceptions.ComplexWarning) as error:  # NumPy: not supported, or the step would be lost
        raise NotAnalyticError(f"{op}: {error}") from None


def _plain(x: Any) -> Any:
    return x.view(np.ndarray) if isinstance(x, Step) else x


def _step(x: Any) -> Any:
    return x.view(Step) if isinstance(x, np.ndarray) and x.dtype.kind == "c" else x
