"""minigrad: an autograd framework to be read, run and seen.

Read the source in this order: ``graph.py`` (a node, and how it is recorded), ``ops/arithmetic.py`` (formula,
forward, backward), ``tensor.py``, ``backward.py`` (the walk back), ``modes.py``, ``kernels/reference/`` and
``kernels/rules.py`` (what is computed); then ``nn/``, ``optim/``, ``viz/``, and last the fast kernels in
``kernels/cpu/``.
"""

from importlib import import_module
from math import inf, nan, pi
from typing import TYPE_CHECKING

from minigrad import autograd, mistakes, nn, ops, optim
from minigrad.anomaly import AnomalyError, detect_anomaly
from minigrad.backward import grad
from minigrad.checkpoint import checkpoint
from minigrad.conversion import device
from minigrad.creation import (
    arange,
    as_tensor,
    empty,
    empty_like,
    eye,
    from_dlpack,
    from_numpy,
    full,
    full_like,
    linspace,
    one_hot,
    ones,
    ones_like,
    tensor,
    zeros,
    zeros_like,
)
from minigrad.derivatives import hessian, jacobian, jvp, vjp
from minigrad.dtypes import bool_, float32, float64, int8, int16, int32, int64, uint8
from minigrad.formats.weights import WeightFileError, load, save
from minigrad.generator import Generator
from minigrad.graph import Kept, Op, record
from minigrad.kernels.precision import get_float32_matmul_precision, set_float32_matmul_precision
from minigrad.modes import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    lean_mode,
    no_grad,
    saved_tensors_hooks,
    set_grad_enabled,
    use_kernels,
)
from minigrad.ops import *
from minigrad.random import (
    bernoulli,
    get_rng_state,
    manual_seed,
    multinomial,
    normal,
    rand,
    rand_like,
    randint,
    randn,
    randn_like,
    randperm,
    set_rng_state,
)
from minigrad.tensor import Tensor, is_tensor
from minigrad.threads import get_num_threads, set_num_threads

__version__ = "0.1.0"

bool, int, long, float, double = bool_, int32, int64, float32, float64  # no part of import *, or they hid Python's


#: What is loaded when it is first asked for: it is a third of the package, and a program that computes needs none.
_LATE = {
    "inspect.capture": ["capture"],
    "inspect.gradcheck": ["GradcheckError", "gradcheck", "gradgradcheck"],
    "inspect.health": ["Health", "health"],
    "inspect.memory": ["Memory", "memory"],
    "inspect.profile": ["Profile", "profile"],
    "inspect.summary": ["Summary", "summary"],
    "inspect.trace": ["Trace", "trace"],
    "viz.draw": ["draw"],
    "viz.drawing": ["Drawing"],
    "viz.play": ["Play", "play"],
}

if TYPE_CHECKING:
    from minigrad import cuda, data
    from minigrad.inspect.capture import capture
    from minigrad.inspect.gradcheck import GradcheckError, gradcheck, gradgradcheck
    from minigrad.inspect.health import Health, health
    from minigrad.inspect.memory import Memory, memory
    from minigrad.inspect.profile import Profile, profile
    from minigrad.inspect.summary import Summary, summary
    from minigrad.inspect.trace import Trace, trace
    from minigrad.viz.draw import draw
    from minigrad.viz.drawing import Drawing
    from minigrad.viz.play import Play, play
else:

    def __getattr__(name: str) -> object:
        if name in ("cuda", "data"):
            return import_module(f"minigrad.{name}")
        for module, names in _LATE.items():
            if name in names:
                found = globals()[name] = getattr(import_module(f"minigrad.{module}"), name)
                return found
        raise mistakes.no_such_name(__name__, name)

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})


__all__ = [
    *ops.__all__,
    "AnomalyError",
    "Drawing",
    "Generator",
    "GradcheckError",
    "Health",
    "Kept",
    "Memory",
    "Op",
    "Play",
    "Profile",
    "Summary",
    "Tensor",
    "Trace",
    "WeightFileError",
    "arange",
    "as_tensor",
    "autograd",
    "bernoulli",
    "bool_",
    "capture",
    "checkpoint",
    "cuda",
    "data",
    "detect_anomaly",
    "device",
    "draw",
    "empty",
    "empty_like",
    "enable_grad",
    "eye",
    "float32",
    "float64",
    "from_dlpack",
    "from_numpy",
    "full",
    "full_like",
    "get_float32_matmul_precision",
    "get_num_threads",
    "get_rng_state",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "health",
    "hessian",
    "inf",
    "inference_mode",
    "int8",
    "int16",
    "int32",
    "int64",
    "is_grad_enabled",
    "is_inference_mode_enabled",
    "is_tensor",
    "jacobian",
    "jvp",
    "lean_mode",
    "linspace",
    "load",
    "manual_seed",
    "memory",
    "multinomial",
    "nan",
    "nn",
    "no_grad",
    "normal",
    "one_hot",
    "ones",
    "ones_like",
    "optim",
    "pi",
    "play",
    "profile",
    "rand",
    "rand_like",
    "randint",
    "randn",
    "randn_like",
    "randperm",
    "record",
    "save",
    "saved_tensors_hooks",
    "set_grad_enabled",
    "set_float32_matmul_precision",
    "set_num_threads",
    "set_rng_state",
    "summary",
    "tensor",
    "trace",
    "uint8",
    "use_kernels",
    "vjp",
    "zeros",
    "zeros_like",
]
