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
  ``PendingArray.__getattr__``), and waits for it if it works on another stream.
* Another library changes an operand: memory that one knows of (``DeviceArray.lend``) is never an operand.
* An operand is let go: the chain holds it, so its memory is nobody else's until the chain has been launched.

A matrix product can be the *head* of a chain. The functions that follow it, if they take nothing but its result
and numbers, become its *epilogue*: they are done with each sum before it is written. So a layer is one launch
where nobody holds its z, as without a graph or in lean mode; where z is held, the product is launched alone.

How a chain is launched depends on its functions, on dtypes, on how its arrays lie and on which results are held,
but not on where the arrays are. That is its ``signature``, noted step by step, and the answer, a *plan*, is
remembered by it: a chain that was met before costs Python one look-up more than the launch.

The idea is old: expressions that are first noted and then computed in one loop are *expression templates* (T.
Veldhuizen, C++ Report 7, 1995); numexpr (D. Cooke and others) does it for NumPy's arrays, XLA for whole programs,
and the lazy buffers of tinygrad, computed when somebody realises them, are what the pending arrays here follow.
"""

from __future__ import annotations

import itertools
import math
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.dtypes import DType
from minigrad.kernels import Dims, OutOfMemoryError
from minigrad.kernels.cuda import array as arrays
from minigrad.kernels.cuda import device as devices
from minigrad.kernels.cuda.array import DeviceArray, PendingArray
from minigrad.kernels.cuda.launch import Kernel, blocks_on
from minigrad.kernels.cuda.loops import are_flat, index_type, number_type, strided
from minigrad.kernels.cuda.shim import THREADS
from minigrad.kernels.cuda.steps import Step, following, make, rule_source, source

Results = Sequence["DeviceArray | None"]
Plan = tuple[Any, ...]

STEPS, ARRAYS = 16, 8  # the most of a chain: elements of all of them are in registers at once, four of each

#: How often the single kernels of a chain are launched before a kernel is made for it. They are compiled once for
#: each function, but that one once for each chain, which takes a good part of a second: a training loop has it
#: from its second step on, and a script that does everything once does not pay for it.
PATIENCE = 1

_met: dict[Any, int] = {}  # how often each structure was met
_kernels: dict[Any, Kernel] = {}

#: How a chain is launched that has been launched before: a method and its arguments, by all that it depends on.
_plans: dict[Any, Plan] = {}
PLANS = 4096  # at most

T = [f"t{k}" for k in range(STEPS)]  # what the results of steps are called


class Chain:
    """Elementwise work of one thread that is put off, on arrays that broadcast to one shape.

    The first step of a chain with a ``head`` is a matrix product, which has operands of its own.
    """

    def __init__(self, shape: Dims, device: int, stream: int, head: Any = None) -> None:
        self.shape, self.device, self.stream, self.head = shape, device, stream, head
        self.size = math.prod(shape)
        self.steps: list[tuple[Any, list[Any], DType, DType]] = []  # function, operands; computed in, and giving
        self.results: list[weakref.ref[DeviceArray]] = []
        self.arrays: list[DeviceArray] = []  # the operands; they are held, and so not reused
        self.numbers: list[float] = []  # the operands that are numbers
        self.types: list[DType] = []  # of these
        #: What says how it can be launched: nothing of where its arrays are, or of which values its numbers have.
        self.signature: list[Any] = [shape, device] if head is None else [shape, device, *head.signature]
        self.is_over, self.failure = False, ""
        self.reference: weakref.ref[Chain] | None = None  # by which it is among those that wait

    def __repr__(self) -> str:
        return f"<Chain of {', '.join(function.__name__ for function, *_ in self.steps)}>"

    def source(self) -> str:
        """The text of the kernel, if it were computed now; with a head, what that does with its sums."""
        results = [result() for result in self.results]
        if self.head is not None:
            return rule_source(self._epilogue(results)[0])
        written = [k for k, x in enumerate(results) if x is not None]
        return source(self._named(), written, len(self.arrays), len(self.numbers), self._layout()[0])

    # -- put off ----------------------------------------------------------------------------------------------

    def takes(self, found: Sequence[DeviceArray], shape: Dims, device: int, stream: int) -> bool:
        """Whether a function of these arrays, with a result of this shape, can be the next step."""
        if self.is_over or self.shape != shape or self.device != device or self.stream != stream:
            return False
        new = self.head is not None  # whose result the rest may have to read
        for x in found:
            new += x.chain is not self and x not in self.arrays
        return len(self.steps) < STEPS and len(self.arrays) + new <= ARRAYS

    def add(
        self, function: Any, operands: Sequence[Any], dtype: DType, gives: DType, out: DeviceArray | None = None
    ) -> DeviceArray:
        """The result of the function, which is the next step: a pending array, or ``out``."""
        is_new = out is None
        if out is None:
            out = PendingArray(self, T[len(self.steps)], gives)
        self._enter(function, operands, dtype, gives, weakref.ref(out), is_new)
        return out

    def _enter(
        self,
        function: Any,
        operands: Sequence[Any],
        dtype: DType,
        gives: DType,
        result: weakref.ref[DeviceArray],
        is_new: bool,
    ) -> None:
        """Add a step, on arrays, numbers, and results by their names."""
        given: list[Any] = []
        signature = self.signature
        signature += function, dtype, gives, is_new
        for x in operands:
            if isinstance(x, DeviceArray):
                if x.chain is self:
                    x = x.name
                    signature.append(x)
                elif x in self.arrays:
                    signature.append(self.arrays.index(x))
                else:
                    self.arrays.append(x)
                    is_flat = x.shape == self.shape and x.contiguous and not x.address % 16
                    signature.append(x.dtype if is_flat else (x.dtype, x.shape, x.strides))
            elif type(x) is str:
                signature.append(x)
            else:
                kind = number_type(x, dtype)
                if isinstance(x, np.ndarray):
                    x = x.item()  # who has the array may change it
                self.numbers.append(x)
                self.types.append(kind)
                signature.append((kind,))
            given.append(x)
        self.steps.append((function, given, dtype, gives))
        self.results.append(result)

    def can_write(self, out: DeviceArray, found: Sequence[DeviceArray]) -> bool:
        """Whether a result can be written over ``out``: no thread may read there what another one writes."""
        return (
            out.contiguous
            and not out.address % 16
            and all(
                x.memory is not out.memory or (x.address == out.address and x.shape == out.shape and x.contiguous)
                for x in (*self.arrays, *found)
                if x.chain is None
            )
        )

    # -- computed ---------------------------------------------------------------------------------------------

    def make_way(self, changed: Sequence[Any]) -> None:
        """Run, if an operand is in the memory of one of these arrays, which may be changed."""
        with devices.lock:
            head = () if self.head is None else self.head.arrays
            held = {id(x.memory) for x in (*self.arrays, *head)}
            if any(isinstance(x, DeviceArray) and id(x.memory) in held for x in changed):
                self.run()

    def run(self) -> None:
        """Launch it, on its own stream, whichever thread asks for it."""
        current = devices.current
        if current.chain is self:
            current.chain = None
        elif current.chain is not None:
            devices.flush()  # what this thread has put off comes first
        with devices.lock:
            if self.is_over:
                return
            self.is_over = True
            if self.reference is not None:
                devices.waiting.discard(self.reference)
            here = current.streams.get(self.device, 0)
            if here != self.stream:
                current.streams[self.device] = self.stream
            try:
                self._launch()
                self.steps.clear()  # of one that has failed it is told what it was
            except BaseException as error:
                self.failure = f"{type(error).__name__}: {error}"
                raise
            finally:
                if here != self.stream:
                    current.streams[self.device] = here
                self._let_go()
            if here != self.stream:  # this thread's stream was told nothing of what has only now been started
                devices.driver().synchronize(self.device, self.stream)

    def _let_go(self) -> None:
        """Hold no operands any more."""
        self.head, self.arrays = None, []
        self.steps = [(function, [], *kinds) for function, _, *kinds in self.steps]

    def _launch(self) -> None:
        results = [result() for result in self.results]  # those that somebody holds
        key = (*self.signature, *[x is not None for x in results])
        plan = _plans.get(key) or self._plan(key, results)
        if plan is None or not plan[0](self, results, *plan[1:]):
            self._one_by_one(results)

    def _one_by_one(self, results: Results) -> None:
        """A launch for each function; what only the chain holds can go on the way."""
        known: dict[str, DeviceArray] = {}
        operands = self._operands()
        self._let_go()
        for k, (function, _, _, gives) in enumerate(self.steps):
            out = results[k]
            if out is None:
                out = PendingArray(self, T[k], gives)
            given, operands[k] = [known[x] if type(x) is str else x for x in operands[k]], []
            if out.chain is None:  # in place
                function.launch(given, out)
            else:
                memory = arrays.room(out.nbytes, self.device)
                function.launch(given, out, memory)
                out.become(memory)
            known[T[k]], given = out, []
            later = {x for other in operands[k + 1 :] for x in other if type(x) is str}
            known = {name: x for name, x in known.items() if name in later}

    # -- plans ------------------------------------------------------------------------------------------------
    # Each is a method below, and what it is given; it says whether there was room for the results.

    def _plan(self, key: Any, results: Results) -> Plan | None:
        """How to launch it; None for its functions one by one."""
        needed = self._needed(results)
        if len(needed) < len(results):
            plan: Plan | None = (Chain._start_part, needed)
        elif self.head is not None:
            steps, count = self._epilogue(results)
            if steps and not was_met((steps, *self.head.arrays[1].shape, *self.steps[0][2:])):
                return Chain._start_head, self.head.recipe(()), 0, 0
            plan = (Chain._start_head, self.head.recipe(steps), len(steps), count)
        elif len(results) == 1:
            (out,) = results
            if out is None or out.chain is None:
                return None
            plan = (Chain._start_one, *self.steps[0][0].prepared(self._operands()[0], out, is_flat=True))
        else:
            ndim, sizes = self._layout()
            written = tuple([k for k, x in enumerate(results) if x is not None])
            takes, index = tuple([x.dtype for x in self.arrays]), index_type(self.size)
            structure = self._named(), written, takes, tuple(self.types), ndim, index
            kernel = _kernels.get(structure)
            if kernel is None:
                if not was_met(structure):
                    return None
                kernel = _kernels[structure] = make(len(_kernels), *structure)
            grid = blocks_on(devices.device(self.device), self.size if ndim else -(-self.size // 4))
            plan = (Chain._start_all, kernel, grid, (self.size, *sizes), written)
        if len(_plans) == PLANS:
            _plans.clear()
        _plans[key] = plan
        return plan

    def _start_one(self, results: Results, kernel: Kernel, grid: int, sizes: Dims) -> bool:
        (out,), (_, given, _, gives) = results, self.steps[0]
        memory = arrays.room(self.size * gives.itemsize, self.device)
        kernel.start(devices.device(self.device), grid, THREADS, memory, *given, *sizes)
        out.become(memory)
        return True

    def _start_all(self, results: Results, kernel: Kernel, grid: int, sizes: Dims, written: Sequence[int]) -> bool:
        held = [results[k] for k in written]
        try:
            outs = [x if x.chain is None else arrays.room(x.nbytes, self.device) for x in held]
        except OutOfMemoryError:
            return False
        place = devices.device(self.device)
        kernel.start(place, grid, THREADS, *outs, *self.arrays, *self.numbers, *sizes)
        for x, out in zip(held, outs, strict=True):
            if out is not x:  # the last one may be written in place
                x.become(out)
        return True

    def _start_head(self, results: Results, recipe: Any, last: int, count: int) -> bool:
        """Launch the product, with so many steps, and their numbers, as its epilogue, and then the others."""
        gives = self.steps[0][3]
        memory = arrays.room(self.size * gives.itemsize, self.device)
        self.head.launch(recipe, memory, self.numbers[:count])
        result = results[last]
        if result is not None:
            result.become(memory)
        if last + 1 < len(results):
            if result is None:
                result = DeviceArray.around(memory, self.shape, gives, self.device)
            self._part(range(last + 1, len(results)), {T[last]: result})._launch()
        return True

    def _start_part(self, results: Results, needed: Sequence[int]) -> bool:
        if needed:
            self._part(needed, {})._launch()
        return True

    def _part(self, kept: Sequence[int], known: dict[str, Any]) -> Chain:
        """These steps alone, with arrays in the place of the results that are known. It takes all over."""
        part = Chain(self.shape, self.device, self.stream, self.head if 0 in kept else None)
        operands = self._operands()
        for k in kept:
            (function, _, dtype, gives), result = self.steps[k], self.results[k]
            known[T[k]], out = T[len(part.steps)], result()
            given = [known[x] if type(x) is str else x for x in operands[k]]
            part._enter(function, given, dtype, gives, result, out is None or out.chain is not None)
        self._let_go()
        return part

    # -- what it consists of ----------------------------------------------------------------------------------

    def _needed(self, results: Results) -> list[int]:
        """The steps whose results are held, or are operands of such steps."""
        needed = {T[k] for k, x in enumerate(results) if x is not None}
        for k in reversed(range(len(results))):
            if T[k] in needed:
                needed |= {x for x in self.steps[k][1] if type(x) is str}
        return [k for k in range(len(results)) if T[k] in needed]

    def _operands(self) -> list[list[Any]]:
        """The operands of each step, numbers as arrays, which have a dtype."""
        types, found = iter(self.types), []
        for _, given, *_ in self.steps:
            found.append([x if isinstance(x, (str, DeviceArray)) else np.asarray(x, next(types)) for x in given])
        return found

    def _named(self) -> tuple[Step, ...]:
        """The steps, with the names of operands."""
        numbers = itertools.count()

        def name(x: Any) -> str:
            if type(x) is str:
                return x
            return f"v{self.arrays.index(x)}" if isinstance(x, DeviceArray) else f"s{next(numbers)}"

        return tuple(Step(f, tuple(name(x) for x in given), *kinds) for f, given, *kinds in self.steps)

    def _layout(self) -> tuple[int, Dims]:
        """In how many dims the arrays have strides, and the sizes and strides of these."""
        return (0, ()) if are_flat(self.arrays, self.shape) else strided(self.arrays, self.shape)

    def _epilogue(self, results: Results) -> tuple[tuple[Step, ...], int]:
        """The steps that can be the product's epilogue, and how many numbers they have."""
        first, *others = self._named()
        held = [x is not None for x in results]
        return following((first.dtype, first.gives), others, self.types, held)


def was_met(structure: Any) -> bool:
    """Whether a structure was met before, often enough for a kernel of its own."""
    met = _met.get(structure, 0)
    if met < PATIENCE:
        _met[structure] = met + 1
    return met >= PATIENCE
