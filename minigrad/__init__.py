"""minigrad: an autograd framework to be read, run and seen.

Read the source in this order: ``graph.py`` (a node, and how it is recorded), ``ops/arithmetic.py`` (formula,
forward, backward), ``tensor.py``, ``backward.py`` (the walk back), ``modes.py``, ``kernels/reference.py`` and
``kernels/rules.py`` (what is computed); then ``nn/``, ``optim/``, ``viz/``, and last the fast kernels in
``kernels/cpu/``.
"""

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
from minigrad.graph import Kept, Op, record
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
from minigrad.ops import *  # noqa: F403
from minigrad.ops import __all__ as _operations
from minigrad.tensor import Tensor

__version__ = "0.1.0"
