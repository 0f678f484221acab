"""Kernels: arrays in, arrays out. No Tensor, no graph, no flags.

A *target* is a module with the flat functions listed below. There are two:

``reference``
    obvious NumPy; the specification, and the oracle of the tests
``numba``
    the same functions compiled by Numba (``kernels/cpu/``)

Checks on shapes and dtypes are made by the caller (``ops/``), so a kernel may trust its arguments:
operands of a binary kernel have one dtype and shapes that broadcast, ``dims`` are not negative.

=====================================  ================================================================
contract                               result, with shapes
=====================================  ================================================================
``neg abs sign exp log sqrt erf(x)``   elementwise, ``x.shape``
``relu sigmoid tanh gelu(z)``          elementwise, ``z.shape``
``relu_backward sigmoid_backward       elementwise: ``da`` times the derivative, written with ``a``
tanh_backward(da, a)``
``gelu_backward(da, z)``               the same, written with ``z``
``add sub mul div pow(x, y)``          elementwise with broadcasting
``eq ne lt le gt ge(x, y)``            the same, bool
``bce bce_slope(p, y)``                binary cross-entropy of probabilities, and its derivative for p
``bce_with_logits(z, y)``              the same of logits
``cross_entropy(z, y)``                ``(B, C), (B,)`` int64 -> ``(B,)``: ``-log softmax(z)[y]`` of each row
``cross_entropy_backward               ``(B, C)``: ``dl`` times its derivative for ``z``, written with the losses
(dl, z, loss, y)``
``moments(x, dims, keepdim)``          mean and (biased) variance over ``dims``, each shaped as of ``sum``
``sum mean amax amin logsumexp         ``x`` with ``dims`` (a tuple) reduced away, or of size 1 when
(x, dims, keepdim)``                   ``keepdim``
``argmax argmin(x, dim, keepdim)``     int64 index of the first extreme (or NaN) along ``dim``
``softmax log_softmax(z, dim)``        ``z.shape``
``softmax_backward                     ``z.shape``: the derivative of a softmax, written with ``a``
log_softmax_backward(da, a, dim)``
``matmul(x, y)``                       ``(..., M, K) @ (..., K, N)`` -> ``(..., M, N)``
``linear(x, W, b)``                    ``(..., K), (N, K), (N,) or None`` -> ``(..., N)``
``reshape permute expand(x, how)``     a view where the memory allows it
``cast(x, dtype)  copy(x)``            a new array
``cat stack(arrays, dim)``             a new array
``index(x, key)``                      ``x[key]``, as NumPy
``index_backward(dy, shape, key)``     zeros of ``shape`` with ``dy`` added at ``key``, repeats summed
``take_along(x, index, dim)``          the elements of ``x`` at ``index`` along ``dim``
``take_along_backward                  zeros of ``shape`` with ``dy`` added there
(dy, shape, index, dim)``
``sgd_step(p, g, v, ...)``             one step of SGD, in place on ``p`` and ``v``
``adam_step(p, g, m, s, ...)``         one step of Adam, in place on ``p``, ``m`` and ``s``
=====================================  ================================================================
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Dims = tuple[int, ...]

quiet = np.errstate(all="ignore")  # 1 / 0 is Inf and log(-1) is NaN, without a warning

TARGETS = {"numba": "minigrad.kernels.cpu", "reference": "minigrad.kernels.reference"}

loaded: dict[str, ModuleType] = {}


def load(target: str) -> ModuleType:
    """The module of a target, imported when it is first asked for: ``import minigrad`` loads neither."""
    if target not in loaded:
        loaded[target] = importlib.import_module(TARGETS[target])
    return loaded[target]
