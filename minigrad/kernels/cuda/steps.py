"""The steps of a chain, as text: a kernel that takes them all, or the rule with which a product's kernel ends.

A step is a function of one element, whose result is rounded to the dtype that memory would give it. Its operands
are called as in the text: ``v0`` is an element of array 0, ``s0`` a number, ``t0`` the result of step 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from minigrad.dtypes import DType
from minigrad.kernels.cuda.launch import INT, Kernel, number, pointer, storage
from minigrad.kernels.cuda.loops import build, flat_source, strided_source, strided_takes
from minigrad.kernels.cuda.math import names
from minigrad.kernels.cuda.shim import caster, device, specialise

NUMBERS = 3  # the most that an epilogue takes: so many arguments of a product's kernel are kept for them


class Step(NamedTuple):
    """A function, and what its operands are called."""

    function: Any  # an Elementwise
    operands: tuple[str, ...]
    dtype: DType  # in which it is computed
    gives: DType

    def text(self, k: int, lanes: Sequence[str] = ("",)) -> str:
        """The line of step k, for one element, or side by side for one of each lane."""
        cast = f"{storage(self.gives).name}({'1 if {} else 0' if self.gives.kind == 'b' else '{}'})"
        calls = []
        for lane in lanes:
            given = ", ".join(x if x[0] == "s" else x[0] + lane + x[1:] for x in self.operands)
            calls.append(cast.format(f"{self.function.__name__}{k}({given})"))
        return f"{', '.join(f't{lane}{k}' for lane in lanes)} = {', '.join(calls)}"


def source(steps: Sequence[Step], written: Sequence[int], count: int, numbers: int, ndim: int = 0) -> str:
    """The text of the kernel for a chain of ``count`` arrays and some numbers, some of whose results are written.

    The arrays lie as the results do, or have strides in ``ndim`` dimensions.
    """
    given = [f"x{k}" for k in range(count)]
    arguments = [*(f"out{k}" for k in written), *given, *(f"s{k}" for k in range(numbers))]
    place = (lambda x: f"{{{x}}}") if ndim else (lambda x: "i")
    one = [f"v{k} = {x}[{place(x)}]" for k, x in enumerate(given)]
    one += [step.text(k) for k, step in enumerate(steps)]
    one += [f"out{k}[i] = t{k}" for k in written]
    if ndim:
        return strided_source(arguments, given, one, ndim)
    four = [f"{', '.join(f'v{lane}{k}' for lane in 'abcd')} = load4({x}, i)" for k, x in enumerate(given)]
    four += [step.text(k, "abcd") for k, step in enumerate(steps)]
    four += [f"store4(out{k}, i, {', '.join(f't{lane}{k}' for lane in 'abcd')})" for k in written]
    return flat_source(arguments, four, one)


def called(steps: Sequence[Step], first: int = 0) -> dict[str, Any]:
    """The functions that the lines of these steps call, the first of which has that number."""
    known: dict[str, Any] = {}
    for k, step in enumerate(steps, first):
        known[f"{step.function.__name__}{k}"] = specialise(step.function.rule, step.dtype, names(step.dtype))
        kind = storage(step.gives)
        known[kind.name] = caster(kind)
    return known


def make(
    which: int,
    steps: Sequence[Step],
    written: Sequence[int],
    takes: Sequence[DType],
    numbers: Sequence[DType],
    ndim: int,
    index: DType,
) -> Kernel:
    """The kernel for a chain, of arrays and of numbers of these dtypes."""
    name = "_".join([f"chain{which}", *(step.function.__name__ for step in steps), steps[-1].gives.name])
    text = source(steps, written, len(takes), len(numbers), ndim)
    outs = [pointer(steps[k].gives) for k in written]
    sizes = strided_takes(ndim, len(takes), index) if ndim else [INT]
    arguments = [*outs, *(pointer(t) for t in takes), *(number(t) for t in numbers), *sizes]
    return Kernel(name, build(name, text, called(steps), index=index), *arguments, contract=False)


# -- at the end of a product ----------------------------------------------------------------------------------


def following(
    kinds: tuple[DType, DType], steps: Sequence[Step], types: Sequence[DType], held: Sequence[bool]
) -> tuple[tuple[Step, ...], int]:
    """Which of the steps after a product are its epilogue, and how many numbers these have.

    They take nothing but the product, numbers, and each other's results, of which nobody holds any but the last,
    and no later step reads any but the last. Each computes in the dtype of the product, and gives it. A step in
    place, over what the product may read, is none of them: who asks for it holds its operand.
    """
    most, numbers, counts = 0, 0, [0]
    for k, step in enumerate(steps, 1):
        given = [x for x in step.operands if x[0] == "s"]
        fits = (
            not held[k - 1]
            and (step.dtype, step.gives) == kinds
            and not any(x[0] == "v" for x in step.operands)
            and all(types[numbers + place] == kinds[0] for place in range(len(given)))
            and numbers + len(given) <= NUMBERS
        )
        if not fits:
            break
        numbers += len(given)
        counts.append(numbers)
        read_later = {x for later in steps[k:] for x in later.operands}
        if not any(f"t{before}" in read_later for before in range(k)):
            most = k
    return tuple(steps[:most]), counts[most]


def rule_source(steps: Sequence[Step]) -> str:
    """The text of the rule that takes these steps.

    >>> print(rule_source(()))
    def rule(t0, s0, s1, s2):
        return t0
    """
    lines = [*(step.text(k) for k, step in enumerate(steps, 1)), f"return t{len(steps)}"]
    numbers = "".join(f", s{k}" for k in range(NUMBERS))
    return f"def rule(t0{numbers}):\n    " + "\n    ".join(lines)


def make_rule(steps: Sequence[Step]) -> Callable[..., Any]:
    """``rule(t0, s0, s1, s2)``: what the steps make of a sum, for use inside kernels."""
    return device(build("rule", rule_source(steps), called(steps, 1), defines="rule"))
