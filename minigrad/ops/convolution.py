"""Convolution: one sum of products, ``z[n, o, i] W[o, c, k] x[n, c, i s + k d - p]``, and its three derivatives.

The derivative for z is a convolution, that for x a transposed convolution, that for W the gradient of a weight.
Each is a sum over what the third factor does not have, and linear in the other two, so the derivatives of each are
the others: the three operations are closed, and derivatives go to any order.

========================  ==========  ===================  ===================
operation                 of          its derivatives are
========================  ==========  ===================  ===================
``Conv``                  x and W     ``ConvTranspose``    ``ConvWeight``
``ConvTranspose``         z and W     ``Conv``             ``ConvWeight``
``ConvWeight``            z and x     ``Conv``             ``ConvTranspose``
========================  ==========  ===================  ===================

Where the windows stand, s, p, d and the numbers of i and k, is a :class:`~minigrad.kernels.windows.Windows`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from minigrad.graph import Gradients, Kept, Op, record
from minigrad.kernels import Array, Dims
from minigrad.kernels.windows import Windows

if TYPE_CHECKING:
    from minigrad.tensor import Tensor


class Product(Op):
    """What the three share: where the windows are, and how many parts the channels are divided into."""

    def __init__(self, windows: Windows, groups: int) -> None:
        self.windows, self.groups = windows, groups

    def conv(self, x: Tensor, W: Tensor) -> Tensor:
        """z, of x and W."""
        return record(ConvWithoutBias(self.windows, self.groups), x, W)

    def transpose(self, z: Tensor, W: Tensor, size: Dims) -> Tensor:
        """x, of this size in space, of z and W."""
        return record(ConvTransposeWithoutBias(self.windows, self.groups, size), z, W)

    def weight(self, z: Tensor, x: Tensor) -> Tensor:
        """W, of z and x."""
        return record(ConvWeight(self.windows, self.groups), z, x)

    def bias(self, dz: Tensor) -> Tensor:
        """The gradient of what was added to each channel."""
        return dz.sum((0, *range(2, dz.ndim)))

    def flops(self, *shapes: Dims) -> int:
        x, W = shapes[:2]
        return 2 * x[0] * math.prod(W) * math.prod(self.windows.counts)


class Conv(Product):
    """z[o, i] = b[o] + sum W[o, c, k] x[c, i s + k d - p]        over c and k, for each example

    dz/dx = W
    dz/dW = x
    dz/db = 1
    """

    x = Kept()
    W = Kept()
    output = "z"

    def forward(self, kernels: Any, x: Array, W: Array, b: Array | None = None) -> Any:
        return kernels.conv(x, W, b, self.windows, self.groups)

    def backward(self, dz: Tensor) -> Gradients:
        x, W = self.x, self.W
        dx = self.transpose(dz, W, x.shape[2:]) if self.wants("x") else None
        dW = self.weight(dz, x) if self.wants("W") else None
        db = self.bias(dz) if self.wants("b") else None
        return (dx, dW, db)[: len(self.edges)]


class ConvWithoutBias(Conv):
    """z[o, i] = sum W[o, c, k] x[c, i s + k d - p]        over c and k, for each example

    dz/dx = W
    dz/dW = x
    """

    title = "Conv"


class ConvTranspose(Product):
    """y[c, j] = b[c] + sum W[o, c, k] x[o, i]        over o, and all i and k with i s + k d - p = j

    dy/dx = W
    dy/dW = x
    dy/db = 1
    """

    x = Kept()
    W = Kept()
    output = "y"

    def __init__(self, windows: Windows, groups: int, size: Dims) -> None:
        super().__init__(windows, groups)
        self.to_shape = size

    def forward(self, kernels: Any, x: Array, W: Array, b: Array | None = None) -> Any:
        return kernels.conv_transpose(x, W, b, self.to_shape, self.windows, self.groups)

    def backward(self, dy: Tensor) -> Gradients:
        x, W = self.x, self.W
        dx = self.conv(dy, W) if self.wants("x") else None
        dW = self.weight(x, dy) if self.wants("W") else None
        db = self.bias(dy) if self.wants("b") else None
        return (dx, dW, db)[: len(self.edges)]


class ConvTransposeWithoutBias(ConvTranspose):
    """y[c, j] = sum W[o, c, k] x[o, i]        over o, and all i and k with i s + k d - p = j

    dy/dx = W
    dy/dW = x
    """

    title = "ConvTranspose"


class ConvWeight(Product):
    """dW[o, c, k] = sum dz[o, i] x[c, i s + k d - p]        over i and all examples

    ddW/ddz = x
    ddW/dx = dz
    """

    dz = Kept()
    x = Kept()
    output = "dW"

    def forward(self, kernels: Any, dz: Array, x: Array) -> Any:
        return kernels.conv_weight(dz, x, self.windows, self.groups)

    def backward(self, g: Tensor) -> Gradients:
        dz, x = self.dz, self.x
        ddz = self.conv(x, g) if self.wants("dz") else None
        return ddz, self.transpose(dz, g, x.shape[2:]) if self.wants("x") else None

    def flops(self, *shapes: Dims) -> int:
        dz, x = shapes
        return 2 * math.prod(dz) * x[1] // self.groups * math.prod(self.windows.size)


# -- windows themselves ---------------------------------------------------------------------------------------


class Im2Col(Op):
    """y[c, k, i] = x[c, i s + k d - p]        for each example

    dy/dx = 1
    """

    def __init__(self, windows: Windows) -> None:
        self.windows = windows

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.im2col(x, self.windows)

    def backward(self, dy: Tensor) -> Gradients:
        return (record(Col2Im(self.windows, self.shape_of("x")[2:]), dy),)


class Col2Im(Op):
    """y[c, j] = sum x[c, k, i]        over all i and k with i s + k d - p = j, for each example

    dy/dx = 1
    """

    def __init__(self, windows: Windows, size: Dims) -> None:
        self.windows, self.to_shape = windows, size

    def forward(self, kernels: Any, x: Array) -> Any:
        return kernels.col2im(x, self.to_shape, self.windows)

    def backward(self, dy: Tensor) -> Gradients:
        return (record(Im2Col(self.windows), dy),)
