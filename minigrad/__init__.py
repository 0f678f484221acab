"""minigrad: an autograd framework to be read, run and seen.

Read the source in this order: ``graph.py`` (a node, and how it is recorded), ``ops/arithmetic.py`` (formula,
forward, backward), ``tensor.py``, ``backward.py`` (the walk back), ``modes.py``, ``kernels/reference/`` and
``kernels/rules.py`` (what is computed); then ``nn/``, ``optim/``, ``viz/``, and last the fast kernels in
``kernels/cpu/``.
"""

from minigrad import nn, ops, optim
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
from minigrad.ops import *
from minigrad.tensor import Tensor
from minigrad.threads import get_num_threads, set_num_threads
from minigrad.viz.drawing import Drawing, draw

__version__ = "0.1.0"

__all__ = [
    *ops.__all__,
    "Drawing",
    "GradcheckError",
    "Kept",
    "Op",
    "Tensor",
    "Trace",
    "WeightFileError",
    "arange",
    "bool_",
    "draw",
    "enable_grad",
    "eye",
    "float32",
    "float64",
    "from_numpy",
    "full",
    "full_like",
    "get_num_threads",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "inference_mode",
    "int8",
    "int16",
    "int32",
    "int64",
    "is_grad_enabled",
    "is_inference_mode_enabled",
    "lean_mode",
    "linspace",
    "load",
    "manual_seed",
    "nn",
    "no_grad",
    "ones",
    "ones_like",
    "optim",
    "rand",
    "randint",
    "randn",
    "record",
    "save",
    "set_grad_enabled",
    "set_num_threads",
    "tensor",
    "trace",
    "uint8",
    "use_kernels",
    "zeros",
    "zeros_like",
]
