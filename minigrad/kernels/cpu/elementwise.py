"""Elementwise kernels: a scalar rule, a loop around it, and broadcasting without copies.

``out[i, j] = rule(x[i, j], y[i, j])``.  Shapes are collapsed in Python to R rows of C columns, in which each
operand steps from row to row by ``row`` elements (0: the same row again) and either has all C columns or one
value for the whole row:

=======================  ==============  =================  ================
x, y                     R, C            x: row, columns    y: row, columns
=======================  ==============  =================  ================
(B, d), (B, d)           1, B d          0, yes             0, yes
(B, d), scalar           1, B d          0, yes             0, no
(B, d), (d,)             B, d            d, yes             0, yes
(B, d), (B, 1)           B, d            d, yes             1, no
=======================  ==============  =================  ================

The loop over columns runs over consecutive memory, so LLVM makes vector code of it. Threads share the rows, or
the columns where there are few rows.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from itertools import zip_longest

import numpy as np

from minigrad.kernels import reference, rules
from minigrad.kernels.cpu.compile import inline, specialise
from minigrad.kernels.cpu.math import FLOATS, MATHS
from minigrad.kernels.cpu.threads import Kernel
from minigrad.kernels.reference import Array

INTEGER = np.dtype(np.int64)
BOOL = np.dtype(np.bool_)

CHEAP, EXP, LIBRARY = 1, 4, 16  # what a rule costs, in additions


def flat(x: Array) -> Array:
    """``x`` as one row of consecutive memory; a copy if strided, or read-only: to Numba that is another type."""
    return (x if x.flags.carray else np.array(x, order="C")).reshape(-1)


@inline
def share(n, part, parts):
    """From where to where piece ``part`` of ``parts`` goes in 0..n."""
    return n * part // parts, n * (part + 1) // parts


# -- loops ----------------------------------------------------------------------------------------------------


def unary_piece(rule: Callable) -> Callable:
    def piece(x, out, part, parts):
        start, stop = share(x.size, part, parts)
        x, out = x[start:stop], out[start:stop]
        for j in range(x.size):
            out[j] = rule(x[j])

    return piece


def binary_piece(rule: Callable) -> Callable:
    def piece(x, x_row, x_columns, y, y_row, y_columns, out, part, parts):
        R, C = out.shape
        top, bottom, left, right = 0, R, 0, C
        if parts <= R:
            top, bottom = share(R, part, parts)
        else:
            left, right = share(C, part, parts)
        for i in range(top, bottom):
            xs, ys, row = x[i * x_row :], y[i * y_row :], out[i, left:right]
            if x_columns and y_columns:
                xs, ys = xs[left:right], ys[left:right]
                for j in range(row.size):
                    row[j] = rule(xs[j], ys[j])
            elif x_columns:
                xs, right_value = xs[left:right], ys[0]
                for j in range(row.size):
                    row[j] = rule(xs[j], right_value)
            else:
                left_value, ys = xs[0], ys[left:right]
                for j in range(row.size):
                    row[j] = rule(left_value, ys[j])

    return piece


# -- shapes ---------------------------------------------------------------------------------------------------


def collapse(x: Array, y: Array) -> tuple:
    """The shape of the result, (R, C), and of each operand: elements, step between rows, whether in columns."""
    if x.shape == y.shape:
        return x.shape, (1, x.size), (flat(x), 0, True), (flat(y), 0, True)
    sizes = list(zip_longest(reversed(x.shape), reversed(y.shape), fillvalue=1))[::-1]
    shape = tuple(n if m == 1 else m for m, n in sizes)
    groups: list[tuple[int, bool, bool]] = []  # neighbouring dims along which the same operands vary
    for size, (m, n) in zip(shape, sizes, strict=True):
        if size == 1:
            continue
        if groups and groups[-1][1:] == (m != 1, n != 1):
            size *= groups.pop()[0]
        groups.append((size, m != 1, n != 1))
    if len(groups) > 2:
        return collapse(np.broadcast_to(x, shape), np.broadcast_to(y, shape))
    (R, *rows), (C, *columns) = [(1, False, False)] * (2 - len(groups)) + groups
    operands = (
        (flat(a), (C if across else 1) if down else 0, across)
        for a, down, across in zip((x, y), rows, columns, strict=True)
    )
    return shape, (R, C), *operands


# -- functions of the contract --------------------------------------------------------------------------------


def unary(name: str, rule: Callable, cost: int = CHEAP, dtypes: tuple[np.dtype, ...] = FLOATS) -> Callable:
    """The function ``name`` of the contract, for one operand. Dtypes but ``dtypes`` are left to the reference."""
    kernel = functools.cache(
        lambda dtype: Kernel(name, unary_piece(specialise(rule, dtype, MATHS.get(dtype, {}))))
    )

    @functools.wraps(rule)
    def function(x: Array) -> Array:
        if x.dtype not in dtypes:
            return getattr(reference, name)(x)
        out = np.empty(x.shape, x.dtype)
        kernel(x.dtype)(cost * x.size, flat(x), out.reshape(-1))
        return out

    function.__name__ = function.__qualname__ = name
    return function


def binary(
    name: str,
    rule: Callable,
    cost: int = CHEAP,
    dtypes: tuple[np.dtype, ...] = FLOATS,
    gives: np.dtype | None = None,
) -> Callable:
    """The function ``name`` of the contract, for two operands of one dtype that broadcast."""
    kernel = functools.cache(
        lambda dtype: Kernel(name, binary_piece(specialise(rule, dtype, MATHS.get(dtype, {}))))
    )

    @functools.wraps(rule)
    def function(x: Array, y: Array) -> Array:
        if x.dtype not in dtypes or x.dtype != y.dtype:
            return np.asarray(getattr(reference, name)(x, y))
        shape, rows_columns, left, right = collapse(x, y)
        out = np.empty(shape, gives or x.dtype)
        kernel(x.dtype)(cost * out.size, *left, *right, out.reshape(rows_columns))
        return out

    function.__name__ = function.__qualname__ = name
    return function


NUMBERS = (*FLOATS, INTEGER)
compare = functools.partial(binary, dtypes=NUMBERS, gives=BOOL)

# Inside a rule, abs, exp, log, sqrt and tanh are functions of one number (see specialise), not the ones named here
neg = unary("neg", lambda x: -x, dtypes=NUMBERS)
abs = unary("abs", lambda x: abs(x), dtypes=NUMBERS)
sign = unary("sign", lambda x: 1 if x > 0 else -1 if x < 0 else 0 if x == 0 else x, dtypes=NUMBERS)
exp = unary("exp", lambda x: exp(x), EXP)
log = unary("log", lambda x: log(x), LIBRARY)
sqrt = unary("sqrt", lambda x: sqrt(x), EXP)

add = binary("add", lambda x, y: x + y, dtypes=NUMBERS)
sub = binary("sub", lambda x, y: x - y, dtypes=NUMBERS)
mul = binary("mul", lambda x, y: x * y, dtypes=NUMBERS)
div = binary("div", lambda x, y: x / y)
pow = binary("pow", lambda x, y: x * x if y == 2.0 else x**y, LIBRARY)

eq = compare("eq", lambda x, y: x == y)
ne = compare("ne", lambda x, y: x != y)
lt = compare("lt", lambda x, y: x < y)
le = compare("le", lambda x, y: x <= y)
gt = compare("gt", lambda x, y: x > y)
ge = compare("ge", lambda x, y: x >= y)

relu = unary("relu", rules.relu)
relu_backward = binary("relu_backward", rules.relu_backward)
sigmoid = unary("sigmoid", rules.sigmoid, EXP)
sigmoid_backward = binary("sigmoid_backward", rules.sigmoid_backward)
tanh = unary("tanh", lambda z: tanh(z), EXP)
tanh_backward = binary("tanh_backward", rules.tanh_backward)

bce = binary("bce", rules.bce, LIBRARY)
bce_slope = binary("bce_slope", rules.bce_slope)
bce_with_logits = binary("bce_with_logits", rules.bce_with_logits, LIBRARY)
