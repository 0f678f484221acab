"""Arithmetic, functions of one number, comparisons."""

from __future__ import annotations

import math

import numpy as np

from minigrad.kernels import Array, quiet

__all__ = [
    "abs", "add", "div", "eq", "erf", "exp", "ge", "gt", "le", "log", "lt", "mul", "ne", "neg", "pow", "sign",
    "sqrt", "sub",
]  # fmt: skip


@quiet
def neg(x: Array) -> Array:
    return -x


@quiet
def abs(x: Array) -> Array:
    return np.abs(x)


def sign(x: Array) -> Array:
    return np.sign(x)


@quiet
def exp(x: Array) -> Array:
    return np.exp(x)


@quiet
def log(x: Array) -> Array:
    return np.log(x)


@quiet
def sqrt(x: Array) -> Array:
    return np.sqrt(x)


def erf(x: Array) -> Array:
    return np.vectorize(math.erf, otypes=[x.dtype])(x)


@quiet
def add(x: Array, y: Array) -> Array:
    return x + y


@quiet
def sub(x: Array, y: Array) -> Array:
    return x - y


@quiet
def mul(x: Array, y: Array) -> Array:
    return x * y


@quiet
def div(x: Array, y: Array) -> Array:
    return x / y


@quiet
def pow(x: Array, y: Array) -> Array:
    return np.power(x, y)


def eq(x: Array, y: Array) -> Array:
    return x == y


def ne(x: Array, y: Array) -> Array:
    return x != y


def lt(x: Array, y: Array) -> Array:
    return x < y


def le(x: Array, y: Array) -> Array:
    return x <= y


def gt(x: Array, y: Array) -> Array:
    return x > y


def ge(x: Array, y: Array) -> Array:
    return x >= y
