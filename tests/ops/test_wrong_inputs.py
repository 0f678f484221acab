"""Wrong inputs, generated from the table of operations: each a clear error, before any kernel runs."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad import ops
from minigrad.modes import observe, use_kernels
from ops_table import TABLE, Row, tensors

Call = Callable[[], Any]
Errors = tuple[type[Exception], ...]
Mistake = tuple[str, Call, Errors, list[str]]  # what it is, the call, what it must raise, what the right call runs

NO_TENSORS = [None, "text", 3j, object(), {}]
NO_DIMS = [(7, IndexError), (-8, IndexError), ("0", TypeError), (1.5, TypeError), (3j, TypeError)]
STRANGE = (7, 11, 13)  # a shape that goes with no sample of the table
MAY_BE_NONE = {"bincount", "clamp", "clamp_max", "clamp_min", "linear", "max", "min"}  # an operand can be left out
ANY_SHAPES = {"equal", "tensordot-none"}
ROWS = [row for row in TABLE if row.name in ops.__all__]


def typical(row: Row) -> list[mg.Tensor] | None:
    """The tensors of a sample without sizes of 0 and 1, if the row has one."""
    for sample in row.samples:
        if all(array.ndim and min(array.shape) > 1 for array in sample):
            return tensors(sample, np.float32)
    return None


def run_by(call: Call) -> list[str]:
    """The operations that a call runs."""
    ran: list[str] = []
    with observe(lambda op, inputs, out, seconds: ran.append(op.title)):
        call()
    return ran


def wrong_kinds() -> Iterator[Mistake]:
    """Each operand of each row in turn, replaced by what is no tensor."""
    for row in ROWS:
        given = typical(row)
        right = run_by(lambda r=row, g=given: r.function(mg, *g)) if given else []
        for i in range(len(given or ())):
            for wrong in NO_TENSORS:
                if wrong is not None or row.name not in MAY_BE_NONE:
                    operands: list[Any] = list(given or ())
                    operands[i] = wrong
                    if calls_a_function(row, operands):
                        call = lambda r=row, o=operands: r.function(mg, *o)  # noqa: E731
                        yield f"{row}: operand {i} {wrong!r:.8}", call, (TypeError,), right


def calls_a_function(row: Row, operands: list[Any]) -> bool:
    """Whether the row's call is a function of the module, and not an operator or a method of the operand."""
    try:
        row.function(None, *operands)
    except AttributeError:
        pass
    except (TypeError, KeyError):
        return False
    else:
        return False
    try:
        row.function(mg, *operands)
    except (AttributeError, TypeError, KeyError) as error:
        frames = traceback.extract_tb(error.__traceback__)
        return "rows" not in frames[-1].filename  # there, it is Python that refuses
    return True


def wrong_shapes() -> Iterator[Mistake]:
    """Each operand of rows with several in turn, of a shape that does not go with the others."""
    for row in ROWS:
        given = typical(row)
        for i in range(len(given) if given and len(given) > 1 and str(row) not in ANY_SHAPES else 0):
            operands = list(given or ())
            operands[i] = mg.ones(*STRANGE).to(operands[i].dtype)
            right = run_by(lambda r=row, g=given: r.function(mg, *g))
            call = lambda r=row, o=operands: r.function(mg, *o)  # noqa: E731
            yield f"{row}: operand {i} {STRANGE}", call, (ValueError, IndexError), right


def wrong_dims() -> Iterator[Mistake]:
    """Each parameter that names a dim, of each public operation that takes one tensor and dims."""
    x = mg.ones(2, 3, requires_grad=True)
    for name in ops.__all__:
        function = getattr(ops, name)
        parameters = inspect.signature(function).parameters
        required = [p.name for p in parameters.values() if p.default is p.empty and p.kind is not p.VAR_POSITIONAL]
        for dim in [p for p in parameters if p in ("dim", "dim0", "dim1", "dim2", "start_dim", "end_dim", "axis")]:
            others = {p: 0 for p in required[1:] if p != dim}
            if required[0] == "tensors":
                continue
            if not set(others) <= {"dim", "dim0", "dim1", "dim2", "n", "k", "repeats", "chunks"}:
                continue
            others = {p: 1 if p in ("k", "chunks", "repeats") else value for p, value in others.items()}
            for wrong, error in NO_DIMS:
                what = f"{name}: {dim} {wrong!r}"
                yield what, lambda f=function, d=dim, w=wrong, o=others: f(x, **{d: w}, **o), (error,), ["any"]


with use_kernels("reference"):  # which are there without being compiled
    MISTAKES = [*wrong_kinds(), *wrong_shapes(), *wrong_dims()]


def test_there_are_enough_of_them() -> None:
    assert len(MISTAKES) >= 500


@pytest.mark.parametrize(("call", "errors", "right"), [pytest.param(*rest, id=what) for what, *rest in MISTAKES])
def test_wrong_input_is_a_clear_error_before_any_kernel_runs(call: Call, errors: Errors, right: list[str]) -> None:
    ran: list[str] = []
    with observe(lambda op, inputs, out, seconds: ran.append(op.title)), pytest.raises(errors) as caught:
        call()
    assert len(str(caught.value)) > 15
    # A row may prepare its operands by operations of its own, which run; the one that it is about must not
    assert ran == right[: len(ran)]
    assert len(ran) < len(right)
