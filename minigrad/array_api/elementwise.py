"""Functions that are minigrad's own, some by another name: of one element, and a few whose arguments agree."""

from __future__ import annotations

from minigrad import ops
from minigrad.tensor import Tensor

__all__ = ["abs", "acos", "acosh", "add", "asin", "asinh", "atan", "atan2", "atanh", "bitwise_and"]
__all__ += ["bitwise_invert", "bitwise_or", "bitwise_xor", "broadcast_arrays", "broadcast_to", "ceil", "cos"]
__all__ += ["cosh", "divide", "equal", "exp", "expm1", "floor", "floor_divide", "greater", "greater_equal"]
__all__ += ["isfinite", "isinf", "isnan", "less", "less_equal", "log", "log1p", "log2", "log10", "logaddexp"]
__all__ += ["logical_and", "logical_not", "logical_or", "logical_xor", "matmul", "maximum", "minimum", "moveaxis"]
__all__ += ["multiply", "negative", "not_equal", "positive", "pow", "reciprocal", "remainder", "round", "sign"]
__all__ += ["sin", "sinh", "sqrt", "square", "subtract", "tan", "tanh", "trunc", "unstack", "where"]

# -- of the same name -----------------------------------------------------------------------------------------

abs, acos, acosh, add, asin, asinh, atan = ops.abs, ops.acos, ops.acosh, ops.add, ops.asin, ops.asinh, ops.atan
atan2, atanh, bitwise_and, bitwise_or = ops.atan2, ops.atanh, ops.bitwise_and, ops.bitwise_or
bitwise_xor, broadcast_to, ceil, cos, cosh = ops.bitwise_xor, ops.broadcast_to, ops.ceil, ops.cos, ops.cosh
exp, expm1, floor, floor_divide, isfinite = ops.exp, ops.expm1, ops.floor, ops.floor_divide, ops.isfinite
isinf, isnan, log, log10, log1p, log2 = ops.isinf, ops.isnan, ops.log, ops.log10, ops.log1p, ops.log2
logaddexp = ops.logaddexp
logical_and, logical_not, logical_or = ops.logical_and, ops.logical_not, ops.logical_or
logical_xor, matmul, maximum, minimum, pow = ops.logical_xor, ops.matmul, ops.maximum, ops.minimum, ops.pow
reciprocal, remainder, sign, sin = ops.reciprocal, ops.remainder, ops.sign, ops.sin
sinh, sqrt, square, tan, tanh, trunc = ops.sinh, ops.sqrt, ops.square, ops.tan, ops.tanh, ops.trunc
where = ops.where


def round(x: Tensor, /, decimals: int = 0) -> Tensor:
    """The nearest integer or, as NumPy's own ``round`` allows, the nearest multiple of ``10^-decimals``."""
    return ops.round(x, decimals=decimals)


# -- of another -----------------------------------------------------------------------------------------------

bitwise_invert = ops.bitwise_not
broadcast_arrays = ops.broadcast_tensors
divide = ops.div
equal = ops.eq
greater = ops.gt
greater_equal = ops.ge
less = ops.lt
less_equal = ops.le
moveaxis = ops.movedim
multiply = ops.mul
negative = ops.neg
not_equal = ops.ne
positive = ops.clone
subtract = ops.sub
unstack = ops.unbind
