"""Check a derivative: what the backward pass gives, against what the function's values show.

The values' side is the complex step (``complex_step.py``) where every kernel that ran can carry one, and else
central difference quotients. Checked element by element, or along random directions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad import dtypes
from minigrad.backward import grad
from minigrad.graph import Op, record
from minigrad.inspect.complex_step import NotAnalyticError, Run
from minigrad.kernels import Array
from minigrad.modes import enable_grad
from minigrad.tensor import Tensor

Function = Callable[..., Any]  # tensors -> a tensor, or a sequence of them


class GradcheckError(AssertionError):
    """A derivative from the backward pass is not the one that the function's values show."""


def gradcheck(
    func: Function,
    inputs: Tensor | Sequence[Tensor],
    *,
    eps: float = 1e-6,
    atol: float | None = None,
    rtol: float | None = None,
    fast_mode: bool = False,
) -> bool:
    """Check that ``backward`` gives the derivatives ``dy_k/dx_j`` that the values of ``func`` have.

    These are taken by the complex step, ``Im y_k(x + ih e_j) / h``, which is exact to rounding; where an operation
    has no meaning for complex numbers, by ``(y_k(x + eps e_j) - y_k(x - eps e_j)) / (2 eps)``. Keep the inputs
    away from kinks such as relu's at 0.

    Args:
        func: takes the inputs and gives one float64 tensor or several; the same ones whenever it is called.
        inputs: float64 tensors, whose layout does not matter; those that require a gradient are checked.
        eps: half the step of the difference quotient.
        atol, rtol: an element passes if ``|analytic - numeric| <= atol + rtol |numeric|``. By default 1e-12 and
            1e-11 for the complex step; for differences 3e-9 of the largest value (or of 1), and 1e-7.
        fast_mode: check ``u^T J v`` for random u and v instead of every element of J: one walk back for each
            output and one derivative for each input, so inputs may be large.

    Returns:
        True.

    Raises:
        GradcheckError: names the element that is furthest off, both values, and the first operation whose own
            derivative is wrong.
        TypeError: an input or output is not float64, or no tensor.
        ValueError: no input requires a gradient.

    >>> import minigrad as mg
    >>> x = mg.tensor([0.5, 2.0], dtype=mg.float64, requires_grad=True)
    >>> gradcheck(lambda x: x.exp() * x, x)
    True
    """
    ins = _tensors("input", inputs)
    with enable_grad(), np.errstate(all="ignore"):  # NaN and Inf are found, not warned of
        check = _Check(func, ins, eps, atol, rtol, fast_mode)
        wrong = check.first_wrong()
        if wrong:
            raise GradcheckError(f"{wrong}; {_blame(check.run, _is_wrong)}")
    return True


def gradgradcheck(
    func: Function,
    inputs: Tensor | Sequence[Tensor],
    *,
    eps: float = 1e-6,
    atol: float | None = None,
    rtol: float | None = None,
    fast_mode: bool = False,
) -> bool:
    """:func:`gradcheck` of the derivative: of ``sum_k v_k dy_k/dx``, for the inputs and for random weights v.

    >>> import minigrad as mg
    >>> x = mg.tensor([0.5, 2.0], dtype=mg.float64, requires_grad=True)
    >>> gradgradcheck(lambda x: x.exp() * x, x)
    True
    """
    ins = _tensors("input", inputs)
    with enable_grad(), np.errstate(all="ignore"):  # NaN and Inf are found, not warned of
        run = Run(func, ins)
        derivative, weights = _derivative(func, ins, _tensors("output", run.value))
        wrong = _Check(derivative, [*ins, *weights], eps, atol, rtol, fast_mode).first_wrong()
        if wrong:
            raise GradcheckError(f"{wrong}; {_blame(run, _has_wrong_derivative)}")
    return True


# -- both sides -----------------------------------------------------------------------------------------------


class _Check:
    """A function at a point, its derivatives from both sides, and how far they may differ.

    Derivatives are held as ``J[k][i]``, one matrix for each output and input: of all elements, or in fast mode of
    the single number ``u_k^T J v_i``.
    """

    def __init__(
        self,
        function: Function,
        inputs: list[Tensor],
        eps: float = 1e-6,
        atol: float | None = None,
        rtol: float | None = None,
        fast_mode: bool = True,
    ) -> None:
        self.function, self.inputs, self.eps = function, inputs, eps
        self.checked = [i for i, t in enumerate(inputs) if t.requires_grad]
        if not self.checked:
            raise ValueError("gradcheck: no input requires a gradient")
        self.run = Run(function, inputs)
        self.outputs = _tensors("output", self.run.value)
        again = self.values({})
        if not all(np.array_equal(*pair, equal_nan=True) for pair in zip(again, self.known, strict=True)):
            raise GradcheckError("the function gives other values when it is called again with the same inputs")
        for op, given, out in self.run.steps:
            if not op.is_view and any(np.may_share_memory(out.array, t.array) for t in given):
                raise GradcheckError(f"{op} returns memory of its input: copy it, or say is_view = True")
        random = np.random.default_rng(0)
        self.v = [_direction(random, t) for t in inputs]
        self.u = [_direction(random, t) for t in self.outputs]
        self.fast_mode = fast_mode
        if self.carries_complex_steps():
            self.numeric, self.method = self.jacobian(self.by_complex_step), "the complex step"
            usual = 1e-12, 1e-11
        else:
            self.numeric, self.method = self.jacobian(self.by_differences), "differences"
            largest = max((np.abs(y[np.isfinite(y)]).max(initial=1) for y in self.known), default=1)
            usual = 3e-9 * largest, 1e-7
        self.atol, self.rtol = usual[0] if atol is None else atol, usual[1] if rtol is None else rtol

    @property
    def known(self) -> list[Array]:
        return [out.array for out in self.outputs]

    # -- from the values --------------------------------------------------------------------------------------

    def jacobian(self, derivatives: Callable[[dict[int, Array]], list[Array]]) -> list[dict[int, Array]]:
        """The derivatives of all outputs, from those along a direction for each column."""
        found: list[dict[int, Array]] = [{} for _ in self.outputs]
        for i in self.checked:
            directions = [self.v[i]] if self.fast_mode else _basis(self.inputs[i])
            moved = [derivatives({i: direction}) for direction in directions]
            for k, out in enumerate(self.outputs):
                columns = [self.seen(dy[k], self.u[k]) for dy in moved]
                found[k][i] = np.stack(columns, 1) if columns else np.zeros((out.numel(), 0))
        return found

    def carries_complex_steps(self) -> bool:
        """Whether a complex step, in one random direction, gives what the function itself shows.

        It does not where the function leaves the operations that were recorded, such as by way of NumPy.
        """
        everywhere = {i: self.v[i] for i in self.checked}
        try:
            exact = self.by_complex_step(everywhere)
        except NotAnalyticError:
            return False
        rough = self.by_differences(everywhere)
        return all(np.allclose(*pair, rtol=1e-4, atol=1e-6) for pair in zip(exact, rough, strict=True))

    def by_complex_step(self, directions: dict[int, Array]) -> list[Array]:
        return self.run.derivatives(self.outputs, directions)

    def by_differences(self, directions: dict[int, Array]) -> list[Array]:
        above = self.values({i: self.eps * v for i, v in directions.items()})
        below = self.values({i: -self.eps * v for i, v in directions.items()})
        return [(up - down) / (2 * self.eps) for up, down in zip(above, below, strict=True)]

    def values(self, steps: dict[int, Array]) -> list[Array]:
        """The outputs, with the inputs moved by the steps."""
        moved = {id(self.inputs[i]): _leaf(self.inputs[i].array + step) for i, step in steps.items()}
        value = self.function(*[moved.get(id(t), t) for t in self.inputs])
        return [out.array for out in _tensors("output", value)]

    # -- from the backward pass -------------------------------------------------------------------------------

    def analytic(self, k: int) -> dict[int, Array]:
        """The derivatives of one output, from a walk back for each row."""
        out, wanted = self.outputs[k], [self.inputs[i] for i in self.checked]
        rows: dict[int, list[Array]] = {i: [] for i in self.checked}
        for weights in [self.u[k]] if self.fast_mode else _basis(out):
            found: Sequence[Tensor | None] = [None] * len(wanted)
            if out.requires_grad:
                found = grad(out, wanted, Tensor(weights), retain_graph=True, allow_unused=True)
            for i, g in zip(self.checked, found, strict=True):
                rows[i].append(self.seen(np.zeros(self.inputs[i].shape) if g is None else g.array, self.v[i]))
        return {i: np.stack(rows[i]) if rows[i] else np.zeros((0, self.inputs[i].numel())) for i in self.checked}

    def seen(self, derivative: Array, direction: Array) -> Array:
        """All elements of a derivative, or in fast mode its component along a direction."""
        return np.array([np.sum(derivative * direction)]) if self.fast_mode else derivative.reshape(-1)

    # -- compared ---------------------------------------------------------------------------------------------

    def first_wrong(self) -> str:
        """What is wrong with the first output and input whose derivative is, or ""."""
        for k in range(len(self.outputs)):
            for i, analytic in self.analytic(k).items():
                numeric = self.numeric[k][i]
                off = np.abs(analytic - numeric) - (self.atol + self.rtol * np.abs(numeric))
                off = np.where(np.isnan(off), np.inf, off)  # NaN is never close
                if off.size and off.max() > 0:
                    return self.described(k, i, analytic, numeric, off)
        return ""

    def described(self, k: int, i: int, analytic: Array, numeric: Array, off: Array) -> str:
        row, column = (int(n) for n in np.unravel_index(off.argmax(), off.shape))
        at_y, at_x, count = "", "", ", along random directions,"
        if not self.fast_mode:
            at_y = f" at {_place(row, self.outputs[k].shape)}"
            at_x = f" at {_place(column, self.inputs[i].shape)}"
            count = ""
        return (
            f"the derivative of output {k}{at_y} for input {i}{at_x}{count} is {analytic[row, column]:.9g} in the "
            f"backward pass, {numeric[row, column]:.9g} by {self.method} ({np.sum(off > 0)} of {off.size} are off)"
        )


def _derivative(
    function: Function, inputs: Sequence[Tensor], outputs: Sequence[Tensor]
) -> tuple[Function, list[Tensor]]:
    """The function ``sum_k v_k dy_k/dx`` of the inputs and the v_k, and random v_k for it."""
    random = np.random.default_rng(0)
    weights = [_leaf(random.uniform(0.5, 1.5, out.shape)) for out in outputs]

    def derivative(*tensors: Tensor) -> list[Tensor]:
        x, v = tensors[: len(inputs)], tensors[len(inputs) :]
        outs = _tensors("output", function(*x))
        found = grad(outs, [t for t in x if t.requires_grad], v, create_graph=True, allow_unused=True)
        return [g for g in found if g is not None]

    return derivative, weights


# -- which operation it was -----------------------------------------------------------------------------------


def _blame(run: Run, is_wrong: Callable[[Op, list[Tensor]], bool]) -> str:
    """The first operation that is wrong by itself, in words, where it was recorded."""
    for op, given, out in run.steps:
        floats = [t for t in given if t.requires_grad]
        is_apart = all(t.array is not out.array for t in given)  # and not a change in place
        if op.order >= 0 and is_apart and {t.dtype for t in [*floats, out]} == {dtypes.float64}:
            own = [_leaf(t.array) if t.requires_grad else t for t in given]
            if is_wrong(op, own):
                return f"the first operation that is wrong by itself is {op}" + (f", {op.line}" if op.line else "")
    return "every operation is right by itself: a path is cut, by detach() or NumPy, or a rule misses one"


def _is_wrong(op: Op, inputs: list[Tensor]) -> bool:
    return bool(_Check(lambda *x: record(op.fresh(), *x), inputs).first_wrong())


def _has_wrong_derivative(op: Op, inputs: list[Tensor]) -> bool:
    derivative, weights = _derivative(lambda *x: record(op.fresh(), *x), inputs, [record(op.fresh(), *inputs)])
    return bool(_Check(derivative, [*inputs, *weights]).first_wrong())


# -- small things ---------------------------------------------------------------------------------------------


def _tensors(what: str, given: Any) -> list[Tensor]:
    found = [given] if isinstance(given, Tensor) else list(given)
    for i, t in enumerate(found):
        if not isinstance(t, Tensor) or t.dtype != dtypes.float64:
            kind = t.dtype if isinstance(t, Tensor) else type(t).__name__
            raise TypeError(f"gradcheck: {what} {i} is {kind}: difference quotients need float64, use t.double()")
    return found


def _leaf(array: Array) -> Tensor:
    return Tensor(array, requires_grad=True)


def _direction(random: np.random.Generator, t: Tensor) -> Array:
    """Weights of about the same size for each element, none near 0, of both signs."""
    return np.asarray(random.uniform(0.5, 1.5, t.shape) * random.choice([-1.0, 1.0], t.shape))


def _basis(t: Tensor) -> list[Array]:
    return list(np.eye(t.numel()).reshape(t.numel(), *t.shape))


def _place(n: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(n, shape))
