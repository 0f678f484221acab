"""The operations as methods and operators: ``x.exp()`` is ``mg.exp(x)``, ``x + y`` is ``mg.add(x, y)``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad import graph, ops


def _swapped(operation: Callable[..., Any]) -> Callable[[Any, Any], Any]:
    """``operation`` for the right-hand side: what Python calls for ``1 - x``."""

    def reflected(x: Any, y: Any) -> Any:
        return operation(y, x)

    return reflected


class Operations:
    """What :class:`Tensor` inherits: one line for each operation, which is documented where it is written."""

    __slots__ = ()

    __add__ = ops.add
    __sub__ = ops.sub
    __mul__ = ops.mul
    __truediv__ = ops.div
    __pow__ = ops.pow
    __matmul__ = ops.matmul
    __neg__ = ops.neg
    __abs__ = ops.abs
    __getitem__ = ops.index
    __lt__, __le__, __gt__, __ge__ = ops.lt, ops.le, ops.gt, ops.ge

    __radd__, __rsub__, __rmul__ = _swapped(ops.add), _swapped(ops.sub), _swapped(ops.mul)
    __rtruediv__, __rpow__ = _swapped(ops.div), _swapped(ops.pow)

    # With anything but tensors and numbers, == asks whether it is the same object
    def __eq__(self: Any, other: Any) -> Any:
        comparable = isinstance(other, (graph.tensor_class, bool, int, float, np.generic))
        return ops.eq(self, other) if comparable else NotImplemented

    def __ne__(self: Any, other: Any) -> Any:
        comparable = isinstance(other, (graph.tensor_class, bool, int, float, np.generic))
        return ops.ne(self, other) if comparable else NotImplemented

    __hash__ = object.__hash__

    @property
    def T(self: Any) -> Any:
        """The transpose: the dimensions in reverse order, as a view."""
        return ops.permute(self, *reversed(range(self.ndim)))

    add, sub, mul, div, pow, matmul = ops.add, ops.sub, ops.mul, ops.div, ops.pow, ops.matmul
    eq, ne, lt, le, gt, ge = ops.eq, ops.ne, ops.lt, ops.le, ops.gt, ops.ge
    neg, abs, exp, log, sqrt, clone = ops.neg, ops.abs, ops.exp, ops.log, ops.sqrt, ops.clone
    relu, sigmoid, tanh, gelu, erf = ops.relu, ops.sigmoid, ops.tanh, ops.gelu, ops.erf
    softmax, log_softmax, logsumexp = ops.softmax, ops.log_softmax, ops.logsumexp
    sum, mean, max, min = ops.sum, ops.mean, ops.max, ops.min
    argmax, argmin, sum_to_size = ops.argmax, ops.argmin, ops.sum_to_size
    reshape, view, flatten, expand = ops.reshape, ops.view, ops.flatten, ops.expand
    transpose, permute, squeeze, unsqueeze = ops.transpose, ops.permute, ops.squeeze, ops.unsqueeze
