"""The kernels compiled by Numba for the CPU: the functions listed in ``minigrad.kernels``, and where each is.

================  ===========================================================================================
elementwise.py    arithmetic, comparisons, activations and losses: a scalar rule and a loop around it
reduce.py         sum, mean, extremes and where they are, mean with variance
softmax.py        softmax, logsumexp, cross-entropy
matmul.py         matmul and linear, on the register tiles of ``tile.py``
optimise.py       the optimiser steps
reference.py      what only moves elements: NumPy does that at the speed of memory already
================  ===========================================================================================

Below them, in the order of reading: ``compile.py`` turns a function into machine code and keeps that on disk,
``math.py`` is exp, log and the like in a form that becomes vector code, ``threads.py`` shares the work among
threads, ``memory.py`` and ``transpose.py`` are how arrays are seen and turned.
Importing this package compiles nothing: a kernel is compiled when it is first called with a dtype.
"""

from minigrad.kernels.cpu.elementwise import (
    abs,
    add,
    bce,
    bce_slope,
    bce_with_logits,
    div,
    eq,
    erf,
    exp,
    ge,
    gelu,
    gelu_backward,
    gt,
    le,
    log,
    lt,
    mul,
    ne,
    neg,
    pow,
    relu,
    relu_backward,
    sigmoid,
    sigmoid_backward,
    sign,
    sqrt,
    sub,
    tanh,
    tanh_backward,
)
from minigrad.kernels.cpu.matmul import linear, matmul
from minigrad.kernels.cpu.optimise import adam_step, sgd_step
from minigrad.kernels.cpu.reduce import amax, amin, argmax, argmin, mean, moments, sum
from minigrad.kernels.cpu.softmax import (
    cross_entropy,
    cross_entropy_backward,
    log_softmax,
    log_softmax_backward,
    logsumexp,
    softmax,
    softmax_backward,
)
from minigrad.kernels.reference import (
    cast,
    cat,
    copy,
    expand,
    index,
    index_backward,
    permute,
    reshape,
    stack,
    take_along,
    take_along_backward,
)

__all__ = [
    "abs", "adam_step", "add", "amax", "amin", "argmax", "argmin", "bce", "bce_slope", "bce_with_logits",
    "cast", "cat", "copy", "cross_entropy", "cross_entropy_backward", "div", "eq", "erf", "exp", "expand",
    "ge", "gelu", "gelu_backward", "gt", "index", "index_backward", "le", "linear", "log", "log_softmax",
    "log_softmax_backward", "logsumexp", "lt", "matmul", "mean", "moments", "mul", "ne", "neg", "permute",
    "pow", "relu", "relu_backward", "reshape", "sgd_step", "sigmoid", "sigmoid_backward", "sign",
    "softmax", "softmax_backward", "sqrt", "stack", "sub", "sum", "take_along", "take_along_backward",
    "tanh", "tanh_backward",
]  # fmt: skip
