"""Activations, their derivatives, and losses of one element: a rule of ``rules.py`` and a loop around it.

A rule's parameters, such as the slope of a leaky relu, are operands of the machine code: one kernel serves all
values. A piece takes MOST of them, of which the rule gets the first ``count``, and the call fills up with zeros.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
from numba.np.numpy_support import from_dtype

from minigrad.dtypes import FLOATS
from minigrad.kernels import Array, reference, rules
from minigrad.kernels.cpu.compile import specialise
from minigrad.kernels.cpu.elementwise import CHEAP, EXP, LOG, binary, unary
from minigrad.kernels.cpu.math import MATHS
from minigrad.kernels.cpu.memory import reads, row, share, writes
from minigrad.kernels.cpu.threads import Kernel, Kernels

__all__ = rules.__all__


# -- with parameters ------------------------------------------------------------------------------------------


MOST = 3


def one_piece(rule: Callable, count: int) -> Callable:
    """out[j] = rule(z[j], parameters)."""

    def piece(z, p, q, r, out, part, parts):
        start, stop = share(z.size, part, parts)
        z, out = row(z, start, stop - start), row(out, start, stop - start)
        parameters = (p, q, r)[:count]
        for j in range(z.size):
            out[j] = rule(z[j], *parameters)

    return piece


def two_piece(rule: Callable, count: int) -> Callable:
    """out[j] = rule(da[j], z[j], parameters)."""

    def piece(da, z, p, q, r, out, part, parts):
        start, stop = share(z.size, part, parts)
        n = stop - start
        da, z, out = row(da, start, n), row(z, start, n), row(out, start, n)
        parameters = (p, q, r)[:count]
        for j in range(n):
            out[j] = rule(da[j], z[j], *parameters)

    return piece


def with_parameters(name: str, rule: Callable, operands: int, cost: int = CHEAP) -> Callable:
    """The function ``name`` of the contract: one operand or two of the same shape, then numbers."""
    make_piece = one_piece if operands == 1 else two_piece
    count = rule.__code__.co_argcount - operands

    def build(dtype: np.dtype) -> Kernel:
        piece = make_piece(specialise(rule, dtype, MATHS.get(dtype, {})), count)
        return Kernel(name, piece, (*[reads(dtype)] * operands, *[from_dtype(dtype)] * MOST, writes(dtype)))

    kernels = Kernels(build, FLOATS)

    @functools.wraps(rule)
    def function(*given) -> Array:
        arrays, parameters = given[:operands], (*given[operands:], 0.0, 0.0)[:MOST]
        x = arrays[0]
        kernel = kernels[x.dtype]
        if kernel is None:
            return getattr(reference, name)(*given)
        out = np.empty(x.shape, x.dtype)
        kernel(cost * x.size, *[array.ravel() for array in arrays], *parameters, out)
        return out

    function.__name__ = function.__qualname__ = name
    return function


leaky_relu = with_parameters("leaky_relu", rules.leaky_relu, 1)
leaky_relu_backward = with_parameters("leaky_relu_backward", rules.leaky_relu_backward, 2)
hardtanh = with_parameters("hardtanh", rules.hardtanh, 1)
hardtanh_backward = with_parameters("hardtanh_backward", rules.hardtanh_backward, 2)
elu = with_parameters("elu", rules.elu, 1, EXP)
elu_backward = with_parameters("elu_backward", rules.elu_backward, 2, EXP)
softplus = with_parameters("softplus", rules.softplus, 1, EXP + LOG)
softplus_backward = with_parameters("softplus_backward", rules.softplus_backward, 2, EXP)
huber = with_parameters("huber", rules.huber, 1)

# -- without --------------------------------------------------------------------------------------------------

relu = unary("relu", rules.relu)
relu_backward = binary("relu_backward", rules.relu_backward)
sigmoid = unary("sigmoid", rules.sigmoid, EXP)
sigmoid_backward = binary("sigmoid_backward", rules.sigmoid_backward)
tanh = unary("tanh", lambda z: tanh(z), EXP)
tanh_backward = binary("tanh_backward", rules.tanh_backward)

gelu = unary("gelu", rules.gelu, LOG)
gelu_backward = binary("gelu_backward", rules.gelu_backward, LOG)
gelu_tanh = unary("gelu_tanh", rules.gelu_tanh, EXP)
gelu_tanh_backward = binary("gelu_tanh_backward", rules.gelu_tanh_backward, EXP)
silu = unary("silu", rules.silu, EXP)
silu_backward = binary("silu_backward", rules.silu_backward, EXP)
mish = unary("mish", rules.mish, EXP)
mish_backward = binary("mish_backward", rules.mish_backward, EXP)
hardsigmoid = unary("hardsigmoid", rules.hardsigmoid)
hardsigmoid_backward = binary("hardsigmoid_backward", rules.hardsigmoid_backward)
hardswish = unary("hardswish", rules.hardswish)
hardswish_backward = binary("hardswish_backward", rules.hardswish_backward)

logsigmoid = unary("logsigmoid", rules.logsigmoid, EXP + LOG)
logsigmoid_backward = binary("logsigmoid_backward", rules.logsigmoid_backward, EXP)
softsign = unary("softsign", rules.softsign)
softsign_backward = binary("softsign_backward", rules.softsign_backward)

bce = binary("bce", rules.bce, 2 * LOG)
bce_slope = binary("bce_slope", rules.bce_slope)
bce_with_logits = binary("bce_with_logits", rules.bce_with_logits, 2 * LOG)
