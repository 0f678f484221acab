"""Chains: elementwise work is put off for a moment, and what belongs together becomes one kernel.

``relu(add(mul(x, 2), 1))`` one by one is three kernels: each reads all elements from memory and writes all of them
back, though two of the three results are read once and then forgotten. The arithmetic takes no time beside that,
so one kernel that keeps them in registers is up to three times as fast, and it is one launch instead of three:

    def kernel(out2, x0, s0, s1, n):
        i = cuda.grid(1) * 4
        step = cuda.gridsize(1) * 4
        while i + 3 < n:
            va0, vb0, vc0, vd0 = load4(x0, i)
            ta0, tb0, tc0, td0 = float32(mul0(va0, s0)), float32(mul0(vb0, s0)), ...
            ta1, tb1, tc1, td1 = float32(add1(ta0, s1)), float32(add1(tb0, s1)), ...
            ta2, tb2, tc2, td2 = float32(relu2(ta1)), float32(relu2(tb1)), ...
            store4(out2, i, ta2, tb2, tc2, td2)
            i += step
        while i < n:
            ...                                     # the same for one element

Here x0 is an array and v0 an element of it, s0 and s1 are numbers, and t0, t1, t2 the results of the steps; only
those that somebody still holds are written. Operands that broadcast have the strided loop around the same lines.
``print(y.array.chain.source())`` shows the kernel in which y will be computed.

An elementwise function returns a *pending* array, which has a shape and a dtype, but no memory: it is a step of
the thread's chain. The chain ends, and is computed, when somebody asks for the memory of one of its arrays, when
the thread starts anything else (a kernel, an event, another stream, waiting), or when it is long enough. A chain
is thus nothing but launches that would have followed each other without anything between them. That is what makes
it safe: whatever changes the memory of an operand is a launch, and comes after the chain as it would have come
after the single kernels. A change in place by an elementwise function is the last step of the chain, and launched
at once. Three hazards are left, and each has its rule:

* Another thread changes an operand, or asks for a result: it computes the chain first (``device.settle``,
  ``DeviceArray.__getattr__``), and waits for it if it works on another stream.
* Another library changes an operand: memory that one knows of (``DeviceArray.lend``) is never an operand.
* An operand is let go: the chain holds it, so its memory is nobody else's until the chain has been launched.

A matrix product can be the *head* of a chain. The functions that follow it, if they take nothing but its result
and numbers, become its *epilogue*: they are done with each sum before it is written. So a layer is one launch
where nobody holds its z, as without a graph or in lean mode; where z is held, the product is launched alone.

The idea is old: expressions that are first noted and then computed in one loop are *expression templates* (T.
Veldhuizen, C++ Report 7, 1995); numexpr (D. Cooke and others) does it for NumPy's arrays, XLA for whole programs,
and the lazy buffers of tinygrad, computed when somebody realises them, are what the pending arrays here follow.
"""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from minigrad.kernels import OutOfMemoryError
from minigrad.kernels.cuda import array as arrays
from minigrad.kernels.cuda import device as devices
from minigrad.kernels.cuda.array import DeviceArray
from minigrad.kernels.cuda.launch import Kernel, blocks
from minigrad.kernels.cuda.loops import broadcast_strides, collapse, number_type
from minigrad.kernels.cuda.shim import THREADS
from minigrad.kernels.cuda.steps import NUMBERS, Epilogue, Step, make, rule_source, source

DType = np.dtype[Any]
Shape = tuple[int, ...]

STEPS, ARRAYS = 16, 8  # the most of a chain: elements of all of them are in registers at once, four of each

#: How often the single kernels of a chain are launched before a kernel is made for it. They are compiled once for
#: each function, but that one once for each chain, which takes a good part of a second: a training loop has it
#: from its second step on, and a script that does everything once does not pay for it.
PATIENCE = 1

_met: dict[Any, int] = {}  # how often each structure was met
_kernels: dict[Any, Kernel] = {}


class Chain:
    """Elementwise work of one thread that is put off, on arrays that broadcast to one shape.

    The first step of a chain with a ``head`` is a matrix product, which has operands of its own.
    """

    def __init__(self, shape: Shape, device: int, stream: int, head: Any = None) -> None:
        self.shape, self.device, self.stream, self.head = shape, device, stream, head
        self.functions: list[Any] = []  # Elementwise, and for each
        self.given: list[list[Any]] = []  # its operands: arrays, numbers, or the name of a step, such as t0
        self.dtypes: list[tuple[DType, DType]] = []  # in which it is computed, and what it gives
        self.results: list[weakref.ref[DeviceArray]] = []
        self.arrays: dict[int, DeviceArray] = {}  # the operands by id; they are held, and so not reused
        self.is_over, self.failure = False, ""

    def __repr__(self) -> str:
        return f"<Chain of {', '.join(function.__name__ for function in self.functions)}>"

    def source(self) -> str:
        """The text of the kernel, if it were computed now; with a head, what that does with its sums."""
        if self.head is not None:
            return rule_source(self._epilogue([result() for result in self.results]).steps)
        steps, numbers, _ = self._named()
        written = [k for k, result in enumerate(self.results) if result() is not None]
        return source(steps, written, len(self.arrays), len(numbers), self._layout()[1])

    # -- put off ----------------------------------------------------------------------------------------------

    def takes(self, found: Sequence[DeviceArray], shape: Shape, device: int, stream: int) -> bool:
        """Whether a function of these arrays, with a result of this shape, can be the next step."""
        if self.is_over or self.shape != shape or self.device != device or self.stream != stream:
            return False
        new = sum(x.chain is not self and id(x) not in self.arrays for x in found)
        new += self.head is not None  # whose result the rest may have to read
        return len(self.functions) < STEPS and len(self.arrays) + new <= ARRAYS

    def add(
        self, function: Any, operands: Sequence[Any], dtype: DType, gives: DType, out: DeviceArray | None = None
    ) -> DeviceArray:
        """The result of the function, which is the next step: a pending array, or ``out``."""
        given: list[Any] = []
        for x in operands:
            if type(x) is not DeviceArray:
                given.append(x.copy() if isinstance(x, np.ndarray) else x)  # who has a number may change it
            elif x.chain is self:
                given.append(x.name)
            else:
                given.append(x)
                self.arrays[id(x)] = x
        if out is None:
            out = DeviceArray.pending(self, f"t{len(self.functions)}", self.shape, gives, self.device)
        self.functions.append(function)
        self.given.append(given)
        self.dtypes.append((dtype, gives))
        self.results.append(weakref.ref(out))
        return out

    def can_write(self, out: DeviceArray, found: Sequence[DeviceArray]) -> bool:
        """Whether a result can be written over ``out``: no thread may read there what another one writes."""
        return out.contiguous and not out.address % 16 and all(
            x.memory is not out.memory or (x.address == out.address and x.shape == out.shape and x.contiguous)
            for x in (*self.arrays.values(), *found)
            if x.chain is None
        )  # fmt: skip

    # -- computed ---------------------------------------------------------------------------------------------

    def make_way(self, changed: Sequence[Any]) -> None:
        """Run, if an operand is in the memory of one of these arrays, which may be changed."""
        with devices.lock:
            head = () if self.head is None else self.head.arrays
            held = {id(x.memory) for x in (*self.arrays.values(), *head)}
            if any(type(x) is DeviceArray and id(x.memory) in held for x in changed):
                self.run()

    def run(self) -> None:
        """Launch it, on its own stream, whichever thread asks for it."""
        if devices.current.chain is not None:
            devices.flush()  # what this thread has put off comes first; that may be this chain
        with devices.lock:
            if self.is_over:
                return
            self.is_over = True
            devices.waiting.discard(self)
            streams = devices.current.streams
            here = streams.get(self.device, 0)
            streams[self.device] = self.stream
            try:
                self._launch()
            except BaseException as error:
                self.failure = f"{type(error).__name__}: {error}"
                raise
            finally:
                streams[self.device] = here
                self.head = None
                self.given.clear()
                self.arrays.clear()
            if here != self.stream:  # this thread's stream was told nothing of what has only now been started
                devices.driver().synchronize(self.device, self.stream)

    def _launch(self) -> None:
        if self.head is not None:
            self._start_head()
        results = [result() for result in self.results]  # those that somebody holds
        written = tuple(k for k, x in enumerate(results) if x is not None)
        needed = self._needed(written)
        if len(needed) > 1:
            steps, numbers, types = self._named()
            takes, ndim, sizes = self._layout()
            key = steps, written, takes, types, ndim
            if _met.get(key, 0) >= PATIENCE:
                kernel = _kernels.get(key)
                if kernel is None:
                    kernel = _kernels[key] = make(len(_kernels), *key)
                with suppress(OutOfMemoryError):  # one by one, what only the chain holds can go on the way
                    self._at_once(kernel, numbers, sizes, [results[k] for k in written])
                    return
            _met[key] = _met.get(key, 0) + 1
        self._one_by_one(needed, results)

    def _start_head(self) -> None:
        """Launch the product, with the steps that can be its epilogue; what is left of the chain has no head."""
        results = [result() for result in self.results]
        needed = self._needed([k for k, x in enumerate(results) if x is not None])
        self._keep(needed, {})
        results = [results[k] for k in needed]
        if 0 in needed:
            epilogue = self._epilogue(results)
            key = epilogue.steps, *self.head.arrays[1].shape, self.dtypes[0]
            if epilogue.steps and _met.get(key, 0) < PATIENCE:
                _met[key] = _met.get(key, 0) + 1
                epilogue = Epilogue()
            out, last = arrays.empty(self.shape, self.dtypes[0][1], self.device), len(epilogue.steps)
            self.head.launch(out, epilogue)
            result = results[last]
            if result is not None:
                result.become(out)
            if len(needed) > last + 1:
                self.arrays[id(out)] = out
            self._keep(range(last + 1, len(needed)), {f"t{last}": out})
        self.head = None

    def _epilogue(self, results: Sequence[DeviceArray | None]) -> Epilogue:
        """The steps that follow the product one after the other, with numbers alone, and whose operand nobody
        holds, and no other step reads. Each computes in the dtype of the product, and gives it.

        A step in place, over what the product may read, is none of them: who asks for it holds its operand.
        """
        steps: list[Step] = []
        numbers: list[Any] = []
        kinds = self.dtypes[0]
        for k in range(1, len(self.functions)):
            given, before = self.given[k], f"t{k - 1}"
            found = [x for x in given if type(x) is not str]
            fits = (
                results[k - 1] is None
                and not any(type(x) is str and x == before for later in self.given[k + 1 :] for x in later)
                and self.dtypes[k] == kinds
                and all(x == before for x in given if type(x) is str)
                and all(type(x) is not DeviceArray and number_type(x, kinds[0]) == kinds[0] for x in found)
                and len(numbers) + len(found) <= NUMBERS
            )
            if not fits:
                break
            following = itertools.count(len(numbers))
            operands = tuple(x if type(x) is str else f"s{next(following)}" for x in given)
            steps.append(Step(self.functions[k], operands, *kinds))
            numbers += [x.item() if isinstance(x, np.ndarray) else x for x in found]
        return Epilogue(tuple(steps), tuple(numbers))

    def _keep(self, kept: Sequence[int], known: dict[str, DeviceArray]) -> None:
        """Let these steps be the whole chain, with arrays in the place of the results that are known."""
        new = {f"t{k}": f"t{place}" for place, k in enumerate(kept)} | known
        self.given = [[new[x] if type(x) is str else x for x in self.given[k]] for k in kept]
        self.functions = [self.functions[k] for k in kept]
        self.dtypes = [self.dtypes[k] for k in kept]
        self.results = [self.results[k] for k in kept]

    def _needed(self, written: Sequence[int]) -> list[int]:
        """The steps whose results are written, or are operands of such steps."""
        needed = set(written)
        for k in reversed(range(len(self.given))):
            if k in needed:
                needed |= {int(x[1:]) for x in self.given[k] if type(x) is str}
        return sorted(needed)

    def _named(self) -> tuple[tuple[Step, ...], list[Any], tuple[DType, ...]]:
        """The steps, with the names of operands; the numbers among these, and their dtypes."""
        names = {key: f"v{k}" for k, key in enumerate(self.arrays)}
        steps: list[Step] = []
        numbers: list[Any] = []
        types: list[DType] = []
        for function, given, (dtype, gives) in zip(self.functions, self.given, self.dtypes, strict=True):
            called: list[str] = []
            for x in given:
                if type(x) is str:
                    called.append(x)
                elif type(x) is DeviceArray:
                    called.append(names[id(x)])
                else:
                    called.append(f"s{len(numbers)}")
                    numbers.append(x.item() if isinstance(x, np.ndarray) else x)
                    types.append(number_type(x, dtype))
            steps.append(Step(function, tuple(called), dtype, gives))
        return tuple(steps), numbers, tuple(types)

    def _layout(self) -> tuple[tuple[DType, ...], int, tuple[int, ...]]:
        """The dtypes of the arrays, in how many dims they have strides, and the sizes and strides of these."""
        given = self.arrays.values()
        takes = tuple(x.dtype for x in given)
        if all(x.shape == self.shape and x.contiguous and not x.address % 16 for x in given):
            return takes, 0, ()
        strides = tuple(broadcast_strides(x.shape, x.strides, x.itemsize, self.shape) for x in given)
        sizes, along = collapse(self.shape, strides)
        return takes, len(sizes), (*sizes[1:], *along)

    def _at_once(
        self, kernel: Kernel, numbers: Sequence[Any], sizes: Sequence[int], results: Sequence[DeviceArray]
    ) -> None:
        outs = [x if x.chain is None else arrays.like(x) for x in results]  # the last one may be written in place
        n = outs[0].size
        items = n if sizes else -(-n // 4)
        kernel.start(blocks(outs[0], items), THREADS, *outs, *self.arrays.values(), *numbers, n, *sizes)
        for x, out in zip(results, outs, strict=True):
            x.become(out)

    def _one_by_one(self, needed: Sequence[int], results: Sequence[DeviceArray | None]) -> None:
        known: dict[str, DeviceArray] = {}
        self.arrays.clear()
        for place, k in enumerate(needed):
            result = results[k]
            in_place = result is not None and result.chain is None
            out = result if in_place else arrays.empty(self.shape, self.dtypes[k][1], self.device)
            self.functions[k].launch([known[x] if type(x) is str else x for x in self.given[k]], out)
            if result is not None:
                result.become(out)
            if k == needed[-1]:
                break
            known[f"t{k}"], self.given[k] = out, []  # what nobody needs any more is let go
            later = {x for other in needed[place + 1 :] for x in self.given[other] if type(x) is str}
            known = {name: x for name, x in known.items() if name in later}


def put_off(
    function: Any, operands: Sequence[Any], dtype: DType, gives: DType, shape: Shape, device: int
) -> DeviceArray:
    """What an elementwise function gives, as a step of this thread's chain, or the first one of a new chain."""
    stream, found = devices.stream(device), [x for x in operands if type(x) is DeviceArray]
    for x in found:
        if x.chain is not None and x.chain is not devices.current.chain:
            x.compute()  # another thread has put it off
    with devices.lock:
        chain = devices.current.chain
        if chain is None or not chain.takes(found, shape, device, stream):
            devices.flush()
            chain = devices.current.chain = Chain(shape, device, stream)
            devices.waiting.add(chain)
        return chain.add(function, operands, dtype, gives)


def begin(head: Any, shape: Shape, dtype: DType, device: int) -> DeviceArray:
    """What a matrix product gives, as the first step of a new chain. Its operands are ``head.arrays``."""
    for x in head.arrays:
        x.compute()
    devices.flush()
    with devices.lock:
        chain = devices.current.chain = Chain(shape, device, devices.stream(device), head)
        devices.waiting.add(chain)
        return chain.add(head, (), dtype, dtype)


def finish(function: Any, operands: Sequence[Any], dtype: DType, out: DeviceArray) -> bool:
    """Let the function, whose result is written over ``out``, be the last step of the chain, and launch that.

    So ``x += 2 * y`` is one launch. False if it cannot be that.
    """
    found = [x for x in operands if type(x) is DeviceArray]
    with devices.lock:
        chain = devices.current.chain
        if (
            chain is None
            or not chain.takes(found, out.shape, out.device, devices.stream(out.device))
            or any(x.is_lent or x.chain not in (None, chain) for x in found)
            or not chain.can_write(out, found)
        ):
            return False
        for other in list(devices.waiting):
            if other is not chain:
                other.make_way((out,))
        if chain.is_over:  # to make way, another thread's chain was launched, after this one
            return False
        chain.add(function, operands, dtype, out.dtype, out)
        devices.flush()
    return True
