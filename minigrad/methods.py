"""The operations as methods and operators: ``x.exp()`` is ``mg.exp(x)``, ``x + y`` is ``mg.add(x, y)``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from minigrad import alike, conversion, graph, interop, ops
from minigrad.ops.diagonals import trace
from minigrad.ops.in_place import (
    copy_,
    detach_,
    fill_,
    fill_diagonal_,
    in_place,
    normal_,
    set_item,
    uniform_,
    zero_,
)


def _swapped(operation: Callable[..., Any]) -> Callable[[Any, Any], Any]:
    """``operation`` for the right-hand side: what Python calls for ``1 - x``."""

    def reflected(x: Any, y: Any) -> Any:
        return operation(y, x)

    return reflected


def _in_place(*operations: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    return (in_place(operation) for operation in operations)


class Operations:
    """What :class:`Tensor` inherits: one line for each operation, which is documented where it is written."""

    __slots__ = ()

    __add__ = ops.add
    __sub__ = ops.sub
    __mul__ = ops.mul
    __truediv__ = ops.div
    __floordiv__ = ops.floor_divide
    __mod__ = ops.remainder
    __pow__ = ops.pow
    __matmul__ = ops.matmul
    __neg__ = ops.neg
    __abs__ = ops.abs
    __invert__, __and__, __or__, __xor__ = ops.bitwise_not, ops.bitwise_and, ops.bitwise_or, ops.bitwise_xor
    __getitem__ = ops.index
    __lt__, __le__, __gt__, __ge__ = ops.lt, ops.le, ops.gt, ops.ge

    __radd__, __rsub__, __rmul__ = _swapped(ops.add), _swapped(ops.sub), _swapped(ops.mul)
    __rtruediv__, __rpow__ = _swapped(ops.div), _swapped(ops.pow)
    __rfloordiv__, __rmod__ = _swapped(ops.floor_divide), _swapped(ops.remainder)
    __rand__, __ror__, __rxor__ = _swapped(ops.bitwise_and), _swapped(ops.bitwise_or), _swapped(ops.bitwise_xor)

    def __divmod__(self: Any, other: Any) -> tuple[Any, Any]:
        return self // other, self % other

    def __rdivmod__(self: Any, other: Any) -> tuple[Any, Any]:
        return other // self, other % self

    def __round__(self: Any, decimals: int = 0) -> Any:
        return ops.round(self, decimals=decimals)

    # With anything but tensors and numbers, == asks whether it is the same object
    def __eq__(self: Any, other: Any) -> Any:
        comparable = isinstance(other, (graph.tensor_class, bool, int, float, np.generic))
        return ops.eq(self, other) if comparable else NotImplemented

    def __ne__(self: Any, other: Any) -> Any:
        comparable = isinstance(other, (graph.tensor_class, bool, int, float, np.generic))
        return ops.ne(self, other) if comparable else NotImplemented

    __hash__ = object.__hash__

    # In place: the result is written into the tensor itself
    add_, sub_, mul_, div_, pow_ = _in_place(ops.add, ops.sub, ops.mul, ops.div, ops.pow)
    __iadd__, __isub__, __imul__, __itruediv__, __ipow__ = add_, sub_, mul_, div_, pow_
    floor_divide_, remainder_ = _in_place(ops.floor_divide, ops.remainder)
    __ifloordiv__, __imod__ = floor_divide_, remainder_
    copy_, fill_, zero_, __setitem__ = copy_, fill_, zero_, set_item
    normal_, uniform_, detach_, fill_diagonal_ = normal_, uniform_, detach_, fill_diagonal_
    fmod_, lerp_, clamp_, masked_fill_ = _in_place(ops.fmod, ops.lerp, ops.clamp, ops.masked_fill)
    clamp_min_, clamp_max_, nan_to_num_ = _in_place(ops.clamp_min, ops.clamp_max, ops.nan_to_num)
    neg_, abs_, square_, reciprocal_ = _in_place(ops.neg, ops.abs, ops.square, ops.reciprocal)
    sign_, floor_, ceil_, trunc_, round_ = _in_place(ops.sign, ops.floor, ops.ceil, ops.trunc, ops.round)
    exp_, log_, sqrt_, rsqrt_ = _in_place(ops.exp, ops.log, ops.sqrt, ops.rsqrt)
    sin_, cos_, relu_, sigmoid_, tanh_ = _in_place(ops.sin, ops.cos, ops.relu, ops.sigmoid, ops.tanh)
    scatter_, scatter_add_, index_add_ = _in_place(ops.scatter, ops.scatter_add, ops.index_add)

    @property
    def T(self: Any) -> Any:
        """The transpose: the dimensions in reverse order, as a view."""
        return ops.permute(self, *reversed(range(self.ndim)))

    @property
    def mT(self: Any) -> Any:
        """The transpose of each matrix: the last two dimensions exchanged, as a view."""
        if self.ndim < 2:
            raise ValueError(f"mT: takes matrices, this tensor has shape {self.shape}")
        return ops.transpose(self, -2, -1)

    def t(self: Any) -> Any:
        """The transpose of a matrix, as a view; what has fewer dimensions as it is."""
        if self.ndim > 2:
            raise ValueError(f"t: takes a matrix, this tensor has shape {self.shape}: use mT or permute()")
        return self.T

    def where(self: Any, condition: Any, other: Any) -> Any:
        """The elements of this tensor where ``condition`` is True, else of ``other``; see :func:`mg.where`."""
        return ops.where(condition, self, other)

    add, sub, mul, div, pow, matmul = ops.add, ops.sub, ops.mul, ops.div, ops.pow, ops.matmul
    eq, ne, lt, le, gt, ge = ops.eq, ops.ne, ops.lt, ops.le, ops.gt, ops.ge
    floor_divide, remainder, fmod, reciprocal = ops.floor_divide, ops.remainder, ops.fmod, ops.reciprocal
    isclose, allclose, equal = ops.isclose, ops.allclose, ops.equal
    isnan, isinf, isfinite = ops.isnan, ops.isinf, ops.isfinite
    logical_not, logical_and = ops.logical_not, ops.logical_and
    logical_or, logical_xor = ops.logical_or, ops.logical_xor
    bitwise_not, bitwise_and = ops.bitwise_not, ops.bitwise_and
    bitwise_or, bitwise_xor = ops.bitwise_or, ops.bitwise_xor
    maximum, minimum, masked_fill, nan_to_num = ops.maximum, ops.minimum, ops.masked_fill, ops.nan_to_num
    clamp, clamp_min, clamp_max = ops.clamp, ops.clamp_min, ops.clamp_max
    neg, abs, square, lerp, clone = ops.neg, ops.abs, ops.square, ops.lerp, ops.clone
    sign, floor, ceil, trunc, round, frac = ops.sign, ops.floor, ops.ceil, ops.trunc, ops.round, ops.frac
    exp, exp2, expm1, sqrt, rsqrt = ops.exp, ops.exp2, ops.expm1, ops.sqrt, ops.rsqrt
    log, log2, log10, log1p = ops.log, ops.log2, ops.log10, ops.log1p
    sin, cos, tan, asin, acos, atan = ops.sin, ops.cos, ops.tan, ops.asin, ops.acos, ops.atan
    sinh, cosh, asinh, acosh, atanh, atan2 = ops.sinh, ops.cosh, ops.asinh, ops.acosh, ops.atanh, ops.atan2
    relu, sigmoid, tanh, gelu, erf = ops.relu, ops.sigmoid, ops.tanh, ops.gelu, ops.erf
    softmax, log_softmax, logsumexp, logaddexp = ops.softmax, ops.log_softmax, ops.logsumexp, ops.logaddexp
    sum, mean, prod, any, all = ops.sum, ops.mean, ops.prod, ops.any, ops.all
    var, std, norm, quantile, count_nonzero = ops.var, ops.std, ops.norm, ops.quantile, ops.count_nonzero
    max, min, amax, amin, argmax, argmin = ops.max, ops.min, ops.amax, ops.amin, ops.argmax, ops.argmin
    sort, argsort, topk, median = ops.sort, ops.argsort, ops.topk, ops.median
    nonzero, unique, bincount = ops.nonzero, ops.unique, ops.bincount
    cumsum, cumprod, sum_to_size = ops.cumsum, ops.cumprod, ops.sum_to_size
    gather, take_along_dim, index_select = ops.gather, ops.take_along_dim, ops.index_select
    scatter, scatter_add, index_add = ops.scatter, ops.scatter_add, ops.index_add
    masked_select, narrow, select = ops.masked_select, ops.narrow, ops.select
    reshape, view, flatten, unflatten = ops.reshape, ops.view, ops.flatten, ops.unflatten
    reshape_as, view_as, squeeze, unsqueeze = ops.reshape_as, ops.view_as, ops.squeeze, ops.unsqueeze
    expand, expand_as, broadcast_to, contiguous = ops.expand, ops.expand_as, ops.broadcast_to, ops.contiguous
    transpose, swapaxes, permute, movedim = ops.transpose, ops.swapaxes, ops.permute, ops.movedim
    flip, roll, repeat, tile = ops.flip, ops.roll, ops.repeat, ops.tile
    repeat_interleave, chunk, split, unbind = ops.repeat_interleave, ops.chunk, ops.split, ops.unbind
    unfold, diagonal, diag, tril, triu, trace = ops.unfold, ops.diagonal, ops.diag, ops.tril, ops.triu, trace
    dot, mv, mm, bmm, outer = ops.dot, ops.mv, ops.mm, ops.bmm, ops.outer
    addmm, baddbmm = ops.addmm, ops.baddbmm

    # To and from others
    __array_ufunc__, __array_function__ = interop.array_ufunc, interop.array_function
    __array_namespace__ = interop.array_namespace
    __dlpack__, __dlpack_device__ = interop.dlpack, interop.dlpack_device
    __reduce_ex__, __deepcopy__ = interop.reduce, interop.deep_copy
    stride, is_contiguous, data_ptr = interop.stride, interop.is_contiguous, interop.data_ptr
    element_size, nbytes = interop.element_size, property(interop.nbytes)
    nelement, ndimension = interop.nelement, interop.ndimension
    data, is_floating_point = property(interop.get_data, interop.set_data), interop.is_floating_point
    new_tensor, new_full, new_empty = alike.new_tensor, alike.new_full, alike.new_empty
    new_zeros, new_ones = alike.new_zeros, alike.new_ones
    to, type, type_as = conversion.to, conversion.to_type, conversion.type_as
    cpu, cuda, double = conversion.cpu, conversion.cuda, conversion.to_double
    int, long, bool = conversion.to_int, conversion.to_long, conversion.to_bool
    float = conversion.to_float  # last, as the three above: they hide Python's
