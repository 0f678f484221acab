"""What the functions in ``math.py`` are made of."""

from __future__ import annotations

import functools
from collections.abc import Callable

from minigrad.kernels.cpu.compile import inline

# Left to itself, LLVM calls the longer ones instead of merging them, and a loop over calls is not vectorised
formula = functools.partial(inline, forceinline=True)


def polynomial(real: type, *coefficients: float) -> Callable:
    """c[0] + c[1] x + c[2] x^2 + ..., from the last one inwards (Horner)."""
    last, *others = map(real, reversed(coefficients))
    others = tuple(others)

    def evaluate(x):
        p = last
        for c in others:
            p = p * x + c
        return p

    return formula(evaluate, fastmath={"contract"})  # a multiply and an add may become one instruction
