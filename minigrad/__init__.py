"""minigrad: an autograd framework to be read, run and seen.

Read the source in this order: ``graph.py`` (a node, and how it is recorded), ``ops/arithmetic.py`` (formula,
forward, backward), ``tensor.py``, ``backward.py`` (the walk back), ``modes.py``, ``kernels/reference.py`` and
``kernels/rules.py`` (what is computed); then ``nn/``, ``optim/``, ``viz/``, and last the fast kernels in
``kernels/cpu/``.
"""

from minigrad import nn, optim
from minigrad.backward import grad
from minigrad.creation import (
    arange,
    eye,
    from_numpy,
    full,
    full_like,
    linspace,
    manual_seed,
    ones,
    ones_like,
    rand,
    randint,
    randn,
    tensor,
    zeros,
    zeros_like,
)
from minigrad.dtypes import bool_, float32, float64, int8, int16, int32, int64, uint8
from minigrad.formats.weights import WeightFileError, load, save
from minigrad.graph import Kept, Op, record
from minigrad.inspect.gradcheck import GradcheckError, gradcheck, gradgradcheck
from minigrad.inspect.trace import Trace, trace
from minigrad.modes import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    lean_mode,
    no_grad,
    set_grad_enabled,
    use_kernels,
)
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
from minigrad.tensor import Tensor
from minigrad.threads import get_num_threads, set_num_threads
from minigrad.viz.drawing import Drawing, draw

__version__ = "0.1.0"

__all__ = [
    "Drawing",
    "GradcheckError",
    "Kept",
    "Op",
    "Tensor",
    "Trace",
    "WeightFileError",
    "abs",
    "add",
    "arange",
    "argmax",
    "argmin",
    "bool_",
    "cat",
    "clone",
    "div",
    "draw",
    "enable_grad",
    "eq",
    "erf",
    "exp",
    "expand",
    "eye",
    "flatten",
    "float32",
    "float64",
    "from_numpy",
    "full",
    "full_like",
    "ge",
    "gelu",
    "get_num_threads",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "gt",
    "index",
    "inference_mode",
    "int8",
    "int16",
    "int32",
    "int64",
    "is_grad_enabled",
    "is_inference_mode_enabled",
    "le",
    "lean_mode",
    "linear",
    "linspace",
    "load",
    "log",
    "log_softmax",
    "logsumexp",
    "lt",
    "manual_seed",
    "matmul",
    "max",
    "mean",
    "min",
    "mul",
    "ne",
    "neg",
    "nn",
    "no_grad",
    "ones",
    "ones_like",
    "optim",
    "permute",
    "pow",
    "rand",
    "randint",
    "randn",
    "record",
    "relu",
    "reshape",
    "save",
    "set_grad_enabled",
    "set_num_threads",
    "sigmoid",
    "softmax",
    "sqrt",
    "squeeze",
    "stack",
    "sub",
    "sum",
    "sum_to_size",
    "tanh",
    "tensor",
    "trace",
    "transpose",
    "uint8",
    "unsqueeze",
    "use_kernels",
    "view",
    "zeros",
    "zeros_like",
]
