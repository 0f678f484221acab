"""Compiling: ``jit`` for a kernel that Python calls, ``inline`` for what a kernel calls, and the cache on disk.

A kernel is compiled the first time it is called with a new dtype, and the machine code is kept beside the
sources (in ``__pycache__``), or where the user's other caches are, if the sources are read-only. Numba has a
cache of its own, which cannot be used here for two reasons:

* it looks at the file of the kernel only, so it would miss an edit of ``rules.py``;
* it tells apart kernels built from one loop and different rules by a hash that differs in every process.

``Cache`` below keeps a file for each kernel, signature and processor, and marks it with a digest of *all* kernel
sources. Whoever edits a rule sees the effect on the next run.

With ``NUMBA_DISABLE_JIT=1`` nothing is compiled, and kernels run as the Python that they are written in: slowly,
but a debugger can follow them, and one can measure which lines the tests reach.
"""

from __future__ import annotations

import hashlib
import itertools
import logging
import pickle
import secrets
import sys
import uuid
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import FunctionType

import llvmlite
import numba
import numpy as np
from numba.core.bytecode import FunctionIdentity
from numba.core.caching import CompileResultCacheImpl, NullCache
from numba.core.runtime import rtsys
from numba.core.serialize import dumps
from numba.extending import intrinsic

from minigrad.kernels.cpu.wide import WideCompiler

log = logging.getLogger("minigrad")

# Numba numbers functions from 1 in every process, and a symbol in machine code is a function's name and number.
# Two kernels from one factory, kept by two processes, could have the same symbol, and a third process that loads
# both would take one for the other. Numbers that begin anywhere do not meet.
FunctionIdentity._unique_ids = itertools.count(secrets.randbits(60))

HERE = Path(__file__).parent
SOURCES = [*sorted(HERE.parent.glob("*.py")), *sorted(HERE.glob("*.py"))]


_made = 0


def kernels_made() -> int:
    """How many kernels this process has compiled or loaded: whoever measures a time asks before and after."""
    return _made


def inline(function: Callable, **options) -> Callable:
    """``function`` for use inside kernels: LLVM merges it into its caller, so it needs no file of its own."""
    # error_model: x / 0 is Inf or NaN, as in NumPy, and so a loop over divisions can be vectorised
    return numba.njit(nogil=True, error_model="numpy", pipeline_class=WideCompiler, **options)(function)


def jit(name: str, function: Callable, *, parallel: bool = False, takes: tuple | None = None) -> Callable:
    """``function`` as a kernel: compiled at its first call, kept on disk under ``name``.

    With ``takes`` it is compiled now, once, for these types and whatever converts to them.
    """
    global _made
    _made += 1
    function.__name__ = function.__qualname__ = name  # what a profiler shows
    if numba.config.DISABLE_JIT:
        return np.errstate(all="ignore")(function)  # machine code does not warn either
    kernel = inline(function, parallel=parallel)
    kernel._cache = Cache(name)
    if takes is not None:
        kernel.compile(takes)
        kernel.disable_compile()
    return kernel


def straight(kernel: Callable) -> Callable:
    """The machine code of a kernel that has one signature: what Python calls when the types are known to fit.

    The way through Numba's dispatcher, which looks at the type of each argument to choose among signatures, takes
    0.1 us, as long again as the call itself. The machine code looks at arrays too, and faster (``memory.py``).
    """
    found = list(getattr(kernel, "overloads", {}).values())
    return found[0].entry_point if len(found) == 1 else kernel


def specialise(rule: Callable, dtype: np.dtype, maths: dict[str, Callable]) -> Callable:
    """``rule``, computing in ``dtype`` alone: its literals converted, ``exp`` and the like from ``maths``.

    Left as it is, ``1.0 + x`` would be a float64 sum also when x is a float32. Besides ``maths`` a rule may use
    Python's builtins. It is always merged into the loop that calls it: a loop over calls is not vectorised.
    A multiply and an add may become one instruction.
    """
    code = rule.__code__
    literals = (dtype.type(c) if type(c) in (int, float) else c for c in code.co_consts)
    names = {"__name__": __name__, **maths}  # without a module's name, what is on disk could not be loaded
    function = FunctionType(code.replace(co_consts=tuple(literals)), names, rule.__name__)
    return inline(function, forceinline=True, fastmath={"contract"})


def emitted(plain: Callable) -> Callable:
    """For what emits the LLVM code of a function in a kernel; without the JIT, ``plain`` computes the same."""
    return (lambda emitter: plain) if numba.config.DISABLE_JIT else intrinsic


class Cache(NullCache):
    """Machine code of one kernel on disk, a file for each signature and processor.

    A file begins with a digest of the sources and of the rest of the file: a stale or damaged file does not
    match and is compiled anew. It is written under another name and then renamed, so that several processes can
    compile at once.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def cache_path(self) -> str | None:
        return store().locator.get_cache_path() if store() else None

    def load_overload(self, sig, target_context):
        # Numba would load all that it can compile (refresh()), 0.15 s: machine code needs its runtime alone
        rtsys.initialize(target_context)
        payload = self.read(sig, target_context.codegen()) if store() else None
        if payload is None:
            announce(self.cache_path)
            return None
        return store().rebuild(target_context, pickle.loads(payload))

    def read(self, sig, codegen) -> bytes | None:
        try:
            data = self.file(sig, codegen).read_bytes()
        except OSError:  # not there yet
            return None
        return data[32:] if data[:32] == seal(data[32:]) else None

    def save_overload(self, sig, data) -> None:
        if store() is None or not store().check_cachable(data):
            return
        path = self.file(sig, data.codegen)
        payload = dumps(store().reduce(data))
        unfinished = path.with_suffix(f".{uuid.uuid4().hex}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished.write_bytes(seal(payload) + payload)
            unfinished.replace(path)
        except OSError:  # the disk is full, or another process reads the file on Windows: go on without
            with suppress(OSError):
                unfinished.unlink()

    def file(self, sig, codegen) -> Path:
        key = repr((self.name, sig, codegen.magic_tuple())).encode()
        return Path(self.cache_path) / f"{self.name}.{hashlib.sha256(key).hexdigest()[:16]}.kernel"


@cache
def store() -> CompileResultCacheImpl | None:
    """Numba's way to write and read machine code; it also knows which directories can be written to."""
    try:
        return CompileResultCacheImpl(store.__wrapped__)
    except RuntimeError:  # none can
        return None


def stamp() -> bytes:
    """What the machine code depends on besides its key: the kernels' sources and the compiler."""
    digest = hashlib.sha256(repr((sys.version, np.__version__, numba.__version__, llvmlite.__version__)).encode())
    for path in SOURCES:
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.digest()


STAMP = stamp()  # now: a file edited after it was imported must not lend its digest to the old code


def seal(payload: bytes) -> bytes:
    """What a file begins with: a digest of the sources and of what follows."""
    return hashlib.sha256(STAMP + payload).digest()


@cache
def announce(directory: str | None) -> None:
    """Tell a person who waits why; once in a process. ``logging.getLogger("minigrad")`` can be silenced."""
    kept = f"they are kept in {directory}" if directory else "no directory to keep them in"
    log.warning("minigrad: compiling kernels for this machine, once; %s", kept)
