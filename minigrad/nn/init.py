"""First values for parameters, written in place. Each function returns the tensor it was given.

The random ones come from the generator that ``mg.manual_seed`` starts. A forward pass through many layers keeps
the size of its activations, and the backward pass that of its gradients, only if the variance of the weights
fits the number of inputs (*fan in*) or outputs (*fan out*) of a layer: Xavier's and Kaiming's rules say how.

- Xavier: Glorot and Bengio, Understanding the difficulty of training deep feedforward neural networks, 2010.
- Kaiming: He, Zhang, Ren and Sun, Delving deep into rectifiers, 2015.
- Orthogonal: Saxe, McClelland and Ganguli, Exact solutions to the nonlinear dynamics of learning in deep linear
  neural networks, 2014.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad import kernels
from minigrad.generator import common
from minigrad.ops.operands import tensor as check_tensor
from minigrad.tensor import Tensor

_CONVOLUTIONS = tuple(f"conv{kind}{n}d" for kind in ("", "_transpose") for n in (1, 2, 3))

# -- plain values ---------------------------------------------------------------------------------------------


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0) -> Tensor:
    """Uniform in [a, b). Raises ValueError unless a <= b."""
    if not a <= b:
        raise ValueError(f"uniform_: the bounds must be in order, got a={a} and b={b}")
    return _fill("uniform_", tensor, common.numpy.uniform(a, b, check_tensor("uniform_", tensor).shape))


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0) -> Tensor:
    """From the normal distribution. Raises ValueError for a negative ``std``."""
    if not std >= 0:
        raise ValueError(f"normal_: std must not be negative, got {std}")
    return _fill("normal_", tensor, common.numpy.normal(mean, std, check_tensor("normal_", tensor).shape))


def trunc_normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0) -> Tensor:
    """From the part of the normal distribution between a and b, which are numbers, not multiples of ``std``.

    Raises ValueError unless ``std > 0`` and ``a < b``, or if ``mean`` is more than 2 ``std`` away from them.
    """
    if not (std > 0 and a < b):
        raise ValueError(f"trunc_normal_: std must be positive and a below b, got std={std}, a={a} and b={b}")
    low, high = (a - mean) / std, (b - mean) / std
    if low > 2 or high < -2:
        raise ValueError(
            f"trunc_normal_: hardly anything of the normal distribution with mean={mean} and std={std} is between "
            f"a={a} and b={b}"
        )
    found = _truncated(check_tensor("trunc_normal_", tensor).shape, low, high)
    return _fill("trunc_normal_", tensor, np.clip(mean + std * found, a, b))


def constant_(tensor: Tensor, val: float) -> Tensor:
    """``val`` everywhere.

    >>> import minigrad as mg
    >>> constant_(mg.zeros(2), 0.5)
    tensor([0.5000, 0.5000])
    """
    return _fill("constant_", tensor, val)


def zeros_(tensor: Tensor) -> Tensor:
    """Zeros."""
    return _fill("zeros_", tensor, 0)


def ones_(tensor: Tensor) -> Tensor:
    """Ones."""
    return _fill("ones_", tensor, 1)


def eye_(tensor: Tensor) -> Tensor:
    """Ones on the diagonal of a matrix and zeros elsewhere. Raises ValueError unless there are two dimensions."""
    if check_tensor("eye_", tensor).ndim != 2:
        raise ValueError(f"eye_: the tensor must have two dimensions, got shape {tensor.shape}")
    return _fill("eye_", tensor, np.eye(tensor.shape[0], tensor.shape[1]))


# -- scaled to the size of the layer --------------------------------------------------------------------------


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """By how much weights must grow to make up for what the activation after them takes away.

    1 for linear, convolutions and sigmoid, 5/3 for tanh, sqrt(2) for relu, sqrt(2 / (1 + slope^2)) for leaky_relu,
    whose slope is ``param`` (0.01 without), 3/4 for selu. Raises ValueError for any other name.

    >>> calculate_gain("relu")
    1.4142135623730951
    """
    slope = 0.01 if param is None else param
    gains = {
        **dict.fromkeys(("linear", *_CONVOLUTIONS), 1.0),
        "sigmoid": 1.0,
        "tanh": 5 / 3,
        "relu": math.sqrt(2),
        "leaky_relu": math.sqrt(2 / (1 + slope**2)),
        "selu": 3 / 4,
    }
    if nonlinearity not in gains:
        raise ValueError(f"there is no gain for {nonlinearity!r}: use one of {', '.join(gains)}")
    return gains[nonlinearity]


def xavier_uniform_(tensor: Tensor, gain: float = 1.0) -> Tensor:
    """Uniform in [-bound, bound), ``bound = gain sqrt(6 / (fan_in + fan_out))`` (Glorot and Bengio, eq. 16)."""
    bound = gain * math.sqrt(6 / sum(_fans("xavier_uniform_", tensor)))
    return uniform_(tensor, -bound, bound)


def xavier_normal_(tensor: Tensor, gain: float = 1.0) -> Tensor:
    """Normal of mean 0 and ``std = gain sqrt(2 / (fan_in + fan_out))`` (Glorot and Bengio, eq. 12)."""
    return normal_(tensor, 0.0, gain * math.sqrt(2 / sum(_fans("xavier_normal_", tensor))))


def kaiming_uniform_(
    tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu"
) -> Tensor:
    """Uniform in [-bound, bound), ``bound = gain sqrt(3 / fan)`` (He et al., eq. 15).

    ``a`` is the negative slope of the leaky_relu that follows, ``mode`` is ``"fan_in"``, which keeps the size
    of activations, or ``"fan_out"``, that of gradients.
    """
    bound = math.sqrt(3) * _kaiming_std("kaiming_uniform_", tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound)


def kaiming_normal_(
    tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu"
) -> Tensor:
    """Normal of mean 0 and ``std = gain / sqrt(fan)`` (He et al., eq. 15); see :func:`kaiming_uniform_`."""
    return normal_(tensor, 0.0, _kaiming_std("kaiming_normal_", tensor, a, mode, nonlinearity))


def orthogonal_(tensor: Tensor, gain: float = 1.0) -> Tensor:
    """Rows that are orthogonal and of length ``gain``, or columns, where there are more rows (Saxe et al., 2014).

    Dimensions behind the first count as one. Every orthogonal matrix is equally likely (Mezzadri, How to generate
    random matrices from the classical compact groups, 2007).

    >>> import minigrad as mg
    >>> W = orthogonal_(mg.zeros(2, 5, dtype=mg.float64))
    >>> mg.allclose(W @ W.T, mg.eye(2, dtype=mg.float64))
    True
    """
    if check_tensor("orthogonal_", tensor).ndim < 2:
        raise ValueError(f"orthogonal_: the tensor must have two dimensions or more, got shape {tensor.shape}")
    rows, columns = tensor.shape[0], math.prod(tensor.shape[1:])
    q, r = np.linalg.qr(common.numpy.standard_normal((max(rows, columns), min(rows, columns))))
    q *= np.copysign(1.0, np.diagonal(r))  # which QR leaves open
    return _fill("orthogonal_", tensor, gain * (q if rows >= columns else q.T).reshape(tensor.shape))


def _truncated(shape: tuple[int, ...], low: float, high: float) -> Any:
    """Numbers of the standard normal distribution between two bounds: others are drawn again."""
    found = np.empty(math.prod(shape))
    missing = np.arange(found.size)
    while missing.size:
        if high - low < 2:  # too narrow for normal numbers to hit often
            x = common.numpy.uniform(low, high, missing.size)
            nearest = min(max(low, 0.0), high)
            fits = common.numpy.random(missing.size) < np.exp((nearest**2 - x**2) / 2)
        else:
            x = common.numpy.standard_normal(missing.size)
            fits = (low <= x) & (x <= high)
        found[missing[fits]] = x[fits]
        missing = missing[~fits]
    return found.reshape(shape)


def _kaiming_std(name: str, tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    fans = dict(zip(("fan_in", "fan_out"), _fans(name, tensor), strict=True))
    if mode not in fans:
        raise ValueError(f"{name}: there is no mode {mode!r}: use 'fan_in' or 'fan_out'")
    return calculate_gain(nonlinearity, a) / math.sqrt(fans[mode])


def _fans(name: str, tensor: Tensor) -> tuple[int, int]:
    """The inputs of one output, and the outputs of one input, for weights (out, in, ...)."""
    if check_tensor(name, tensor).ndim < 2 or not tensor.numel():
        raise ValueError(f"{name}: weights must be (out, in) or (out, in, ...) and not empty, got {tensor.shape}")
    d_out, d_in, *field = tensor.shape
    return d_in * math.prod(field), d_out * math.prod(field)


def _fill(name: str, tensor: Tensor, values: Any) -> Tensor:
    if check_tensor(name, tensor).dtype.kind != "f":
        raise TypeError(f"{name}: the tensor must be of floats, this one is {tensor.dtype}")
    kernels.write(tensor.array, values)
    tensor.touch()
    return tensor
