"""Numba for the GPU, whichever package has it: the one place that knows where ``cuda`` comes from.

==================  =========================================================================================
``numba-cuda``      the maintained package, which takes the place of ``numba.cuda`` where it is installed; the
                    extras ``cuda12`` and ``cuda13`` bring it together with NVIDIA's compiler
``numba.cuda``      what Numba has built in, and no longer develops; it needs a CUDA toolkit of the system, and a
                    Numba whose compiler can still do what kernels need, which is tried (``missing_compiler``)
the simulator       Numba's, with ``NUMBA_ENABLE_CUDASIM=1``: kernels run as the Python that they are written
                    in, one Python thread for a thread of the GPU; slow, but a debugger can follow them
==================  =========================================================================================

``numba-cuda-mlir`` cannot be taken yet: its kernels are those of Numba, but what ``intrinsics.py`` emits is LLVM
code, and there it would have to be MLIR.

Numba only compiles here, from Python to PTX; that is what needs no GPU, so that every kernel can be compiled on
any machine. Loading and launching is ``driver.py``.
"""

from __future__ import annotations

import functools
import importlib
import re
import threading
from collections.abc import Callable
from types import FunctionType, SimpleNamespace
from typing import Any

import numba
import numpy as np

from minigrad.dtypes import DType

REMEDY = "install one with pip install 'numba-cuda[cu12]' or 'numba-cuda[cu13]'"

SIMULATED = bool(numba.config.ENABLE_CUDASIM)

if SIMULATED:
    from numba import types

    from minigrad.kernels.cuda.simulator import cuda
else:
    try:
        from numba import cuda
    except ImportError:
        raise ImportError(f"package: Numba {numba.__version__} has no numba.cuda of its own; {REMEDY}") from None
    importlib.import_module("numba.cuda.libdevice")  # which numba.cuda itself does not always do
    types = getattr(cuda, "types", None) or numba.types
    types = types if hasattr(types, "CPointer") else numba.types  # the built-in's own are only the new ones

#: Threads that run in step, and threads in a block of a kernel that has no reason for another number. The
#: simulator takes a Python thread for each, so there they are few: any shape of a test has several blocks then.
WARP = 4 if SIMULATED else 32
THREADS = 8 if SIMULATED else 256
ALL = 0xFFFFFFFF  # the threads of a warp, all of which take part in a shuffle

_compiling = threading.Lock()


def machine() -> Any:
    """The simulated machine."""
    from minigrad.kernels.cuda.simulator import Simulator

    return Simulator()


def emitted(plain: Callable[..., Any]) -> Callable[..., Any]:
    """For what emits the LLVM code of a function in a kernel; in the simulator, ``plain`` computes the same."""
    if SIMULATED:
        return lambda emitter: plain
    intrinsic: Callable[..., Any] = importlib.import_module("numba.cuda.extending").intrinsic
    return intrinsic


def device(function: Callable[..., Any]) -> Callable[..., Any]:
    """``function`` for use inside kernels."""
    compiled: Callable[..., Any] = function if SIMULATED else cuda.jit(device=True)(function)
    return compiled


def specialise(rule: Callable[..., Any], dtype: DType, names: dict[str, Any]) -> Callable[..., Any]:
    """``rule`` for use inside kernels, computing in ``dtype`` alone, with ``exp`` and the like from ``names``.

    Left as it is, ``1.0 + x`` would be a float64 sum also when x is a float32, which is up to 64 times as slow.
    """
    code = rule.__code__
    literals = (dtype.type(c) if type(c) in (int, float) else c for c in code.co_consts)
    special = FunctionType(
        code.replace(co_consts=tuple(literals)),
        {"__name__": __name__, **names},
        rule.__name__,
        rule.__defaults__,
        rule.__closure__,
    )
    return device(special)


def caster(dtype: DType) -> Callable[..., Any]:
    """What makes a number one of ``dtype``, inside kernels, as writing it to memory would."""
    if not SIMULATED or dtype.kind == "f":
        return dtype.type
    return lambda x: np.asarray(x).astype(dtype)[()]  # dtype.type(x) raises errors for NaN and large numbers


def compile_ptx(
    kernel: Callable[..., Any], signature: tuple[Any, ...], capability: tuple[int, int], *, contract: bool = True
) -> str:
    """``kernel`` for the argument types of the signature as PTX, NVIDIA's portable assembly.

    Where it may ``contract``, the compiler makes one instruction, rounded once, of a product and a sum.
    """
    dispatcher = importlib.import_module("numba.cuda.dispatcher")
    nvvm = importlib.import_module("numba.cuda.cudadrv.nvvm")
    with _compiling:  # functions inside a kernel are compiled for the GPU in hand: say which, as there may be none
        asked, compiled = dispatcher.get_current_device, nvvm.compile_ir
        dispatcher.get_current_device = lambda: SimpleNamespace(compute_capability=capability)
        nvvm.compile_ir = functools.partial(compiled, fma=contract)  # an option that Numba passes on, but hides
        try:
            ptx, _ = cuda.compile_ptx(kernel, signature, cc=capability, lineinfo=False)
        finally:
            dispatcher.get_current_device, nvvm.compile_ir = asked, compiled
    return str(ptx)


def entry(ptx: str) -> str:
    """The name of the kernel in its PTX."""
    found = re.search(r"\.visible \.entry (\w+)\(", ptx)
    assert found is not None
    return found[1]


def missing_compiler() -> str | None:
    """What the compiler lacks on this machine, and what to do, or None if it lacks nothing."""
    if SIMULATED:
        return None
    try:
        importlib.import_module("numba.cuda.cudadrv.nvvm").NVVM()
    except (ImportError, OSError, RuntimeError, AttributeError) as error:
        return f"package: Numba finds no CUDA compiler ({error!s:.60}); {REMEDY}".replace("\n", " ")
    failure = built_in_failure()
    if failure:
        return (
            f"package: numba-cuda is not installed, and the compiler inside Numba {numba.__version__} fails "
            f"({failure:.60}); {REMEDY}"
        ).replace("\n", " ")
    return None


@functools.cache
def built_in_failure() -> str | None:
    """What is said by the compiler inside Numba of a kernel that every package should compile, if that is in use.

    In Numba 0.68 it has no ``min`` of two integers, without which there is no matrix product.
    """
    if getattr(cuda, "implementation", None) != "Built-in":
        return None

    def smaller(x: Any, i: Any) -> None:
        x[i] = min(x[i], i)

    try:
        compile_ptx(smaller, (types.CPointer(types.int64), types.int64), (8, 0))
    except Exception as error:  # of any kind: it was tried because it breaks
        return f"{type(error).__name__}: {error}"
    return None
