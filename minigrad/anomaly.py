"""Looking for the first NaN or Inf: which operation made it, from what, and on which line of the user's code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from minigrad.kernels import moved
from minigrad.lines import line_of, users_place
from minigrad.modes import Setting, Switch

if TYPE_CHECKING:
    from minigrad.graph import Op
    from minigrad.tensor import Tensor


class AnomalyError(RuntimeError):
    """A result holds NaN or Inf, under :class:`detect_anomaly`."""


class detect_anomaly(Switch):
    """Raise :class:`AnomalyError` at the first operation whose result, or whose gradient, holds NaN or Inf.

    A context manager and a decorator. Every result is searched, which takes about as long as adding it up. Run
    ``backward()`` inside it too: a gradient is checked with the mode in force when it is computed.

    Args:
        nan: look for NaN.
        inf: look for Inf. Say no where Inf is meant, as in the mask of an attention.

    Raises:
        TypeError: one of them is not a bool.
        ValueError: neither is asked for.

    >>> import minigrad as mg
    >>> with mg.detect_anomaly():
    ...     mg.tensor([1.0, 0.0]).log()  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    minigrad.anomaly.AnomalyError: Log made -inf at (1,), 1 of 2 elements, from x (2,): y = ln x (...)
    """

    def __init__(self, nan: bool = True, inf: bool = True) -> None:
        if not isinstance(nan, bool) or not isinstance(inf, bool):
            raise TypeError(f"detect_anomaly: nan and inf must be True or False, got {nan!r} and {inf!r}")
        if not nan and not inf:
            raise ValueError("detect_anomaly: neither nan nor inf is to be looked for")
        super().__init__(anomaly=Anomaly(nan, inf))


class set_detect_anomaly(Setting):
    """:class:`detect_anomaly`, or the end of it, from here on; or inside a ``with set_detect_anomaly(mode):``.

    >>> import minigrad as mg
    >>> with mg.detect_anomaly(), mg.autograd.set_detect_anomaly(False):
    ...     mg.tensor([0.0]).log()
    tensor([-inf])
    """

    def __init__(self, mode: bool, nan: bool = True, inf: bool = True) -> None:
        if not isinstance(mode, bool):
            raise TypeError(f"set_detect_anomaly: mode must be True or False, got {mode!r}")
        super().__init__(anomaly=detect_anomaly(nan, inf).changes["anomaly"] if mode else None)


@dataclass(frozen=True)
class Anomaly:
    """What is looked for, and how a find is told."""

    nan: bool
    inf: bool

    def check(self, op: Op, inputs: tuple[Tensor, ...], out: Tensor) -> None:
        """Raise AnomalyError if the result of ``op`` holds one."""
        found = self.find(out)
        if found:
            names = op.inputs or tuple(f"x{i}" for i in range(len(inputs)))
            told = [f"{name} {t.shape}{self._already(t)}" for name, t in zip(names, inputs, strict=False)]
            line = line_of(users_place(4))
            raise AnomalyError(
                f"{op.title} made {found}, from {', '.join(told)}: {op.formula}" + (f" ({line})" if line else "")
            )

    def check_gradients(self, op: Op, gradient: Tensor, gradients: tuple[Tensor | None, ...]) -> None:
        """Raise AnomalyError if a gradient that the rule of ``op`` gave holds one."""
        names = op.inputs or tuple(f"x{i}" for i in range(len(gradients)))
        for name, each in zip(names, gradients, strict=False):
            found = each is not None and self.find(each)
            if found:
                raise AnomalyError(
                    f"the backward of {op.title} made {found} in the gradient for {name}, from the gradient of "
                    f"{op.output} {gradient.shape}{self._already(gradient)}: {op.formula}"
                    + (f" (recorded at {op.line})" if op.line else "")
                )

    def find(self, t: Tensor) -> str:
        """Where the first one stands, and how many there are; "" if there is none."""
        if t.array.dtype.kind != "f":
            return ""
        array = moved(t.array, "cpu")
        if np.isfinite(np.sum(array, dtype=np.float64)):
            return ""  # a sum is finite only if every element is
        wrong = (np.isnan(array) & self.nan) | (np.isinf(array) & self.inf)
        if not wrong.any():
            return ""
        at = tuple(int(i) for i in np.argwhere(wrong)[0])
        return f"{array[at]} at {at}, {int(wrong.sum())} of {t.numel()} elements"

    def _already(self, t: Tensor) -> str:
        found = self.find(t)
        return f", which holds {found}," if found else ""
