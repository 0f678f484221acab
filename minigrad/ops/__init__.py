"""Operations: one class each, with its formula, ``forward`` on arrays and ``backward`` on tensors.

Beside each class stands the function that checks a user's arguments and records it. Read ``arithmetic.py``
first, then ``linear.py`` and ``activation.py``.
"""

from minigrad.ops.activation import gelu, log_softmax, relu, sigmoid, softmax, tanh
from minigrad.ops.arithmetic import abs, add, clone, div, erf, exp, log, mul, neg, pow, sqrt, sub
from minigrad.ops.comparison import eq, ge, gt, le, lt, ne
from minigrad.ops.indexing import index
from minigrad.ops.linear import linear, matmul
from minigrad.ops.reduction import argmax, argmin, logsumexp, max, mean, min, sum, sum_to_size
from minigrad.ops.shape import (
    cat,
    expand,
    flatten,
    permute,
    reshape,
    squeeze,
    stack,
    transpose,
    unsqueeze,
    view,
)

__all__ = [
    "abs",
    "add",
    "argmax",
    "argmin",
    "cat",
    "clone",
    "div",
    "eq",
    "erf",
    "exp",
    "expand",
    "flatten",
    "ge",
    "gelu",
    "gt",
    "index",
    "le",
    "linear",
    "log",
    "log_softmax",
    "logsumexp",
    "lt",
    "matmul",
    "max",
    "mean",
    "min",
    "mul",
    "ne",
    "neg",
    "permute",
    "pow",
    "relu",
    "reshape",
    "sigmoid",
    "softmax",
    "sqrt",
    "squeeze",
    "stack",
    "sub",
    "sum",
    "sum_to_size",
    "tanh",
    "transpose",
    "unsqueeze",
    "view",
]
