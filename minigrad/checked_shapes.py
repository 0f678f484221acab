"""What the shapes of a kernel's arrays must be: the contract of ``kernels/reference/`` as rules that can be asked.

A rule is what the arrays must be, in words, and a function of a call's arguments, by name, that says whether they
are. A kernel without one takes arrays that broadcast.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from minigrad.kernels import Array, Dims, broadcasts_to, is_seen
from minigrad.kernels.windows import Span

Values = Mapping[str, Any]  # what a kernel is called with, by the names of its parameters
Rule = tuple[str, Callable[[Values], bool]]


def broadcast(*shapes: Dims) -> bool:
    """Whether the shapes broadcast."""
    if all(shape == shapes[0] for shape in shapes):
        return True
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        return False
    return True


def one_shape(*names: str) -> Rule:
    """The rule that these arrays, of those that there are, have one shape."""
    return "of one shape", lambda v: len({v[name].shape for name in names if v[name] is not None}) == 1


def repeated(first: str, *others: str) -> Rule:
    """The rule that the others can be repeated to the shape of the first; dy, if there is one, has that shape."""

    def fits(v: Values) -> bool:
        shape = v[first].shape
        own = [v["shape"]] if "shape" in v else [v[name].shape for name in others]
        return all(broadcasts_to(other, shape) for other in own) and v.get("dy", v[first]).shape == shape

    return f"of the shape of {first}, or repeatable to it", fits


def sized(**patterns: str) -> Rule:
    """The rule that each array has the sizes which a pattern names: a letter stands for one size in all of them.

    ``4H`` is four times that, ``...`` any sizes.
    """
    terms = {
        name: re.findall(r"(\d*)([A-Z]?)(?: |$)", text.removeprefix("... ")) for name, text in patterns.items()
    }
    terms = {name: [each for each in found if each != ("", "")] for name, found in terms.items()}

    def fits(v: Values) -> bool:
        known: dict[str, int] = {}
        for name, text in patterns.items():
            if v[name] is None:
                continue
            shape = v[name].shape
            n = len(terms[name])
            if len(shape) < n or (len(shape) > n and not text.startswith("...")):
                return False
            for (factor, letter), size in zip(terms[name], shape[len(shape) - n :], strict=True):
                one = known.setdefault(letter, size // int(factor or 1)) if letter else 1
                if size != one * int(factor or 1):
                    return False
        return True

    shown = [f"{name} ({text.replace(' ', ', ')})" for name, text in patterns.items()]
    return ", ".join(shown), fits


def _matrices(v: Values) -> bool:
    x, y = tuple(v["x"].shape), tuple(v["y"].shape)
    return bool(x and y and x[-1] == y[-2:][0]) and broadcast(x[:-2], y[:-2])


def _conv(v: Values) -> bool:
    """Of x, W, b, z those that there are: (N, C, *size), (O, C / groups, *k), (O,) or (C,), (N, O, *counts)."""
    at, groups = v["at"], v["groups"]
    W, z, x = (v[name].shape if name in v else None for name in ("W", "z", "x"))
    ndim = 2 + len(at.size)
    if groups < 1 or any(shape is not None and len(shape) != ndim for shape in (W, z, x)):
        return False
    if min(*at.stride, *at.dilation) < 1 or min(at.counts) < 0:
        return False
    if z is not None and z[2:] != at.counts:
        return False
    if W is None:
        assert z is not None
        assert x is not None
        return bool(z[0] == x[0] and z[1] % groups == x[1] % groups == 0)
    channels = W[1] * groups if x is None else W[0]
    b = v.get("b")
    fits_data = x[1] == W[1] * groups if x is not None else z is not None and z[1] == W[0]
    fits_size = len(v.get("size", at.size)) == len(at.size) and W[2:] == at.size
    return W[0] % groups == 0 and fits_data and fits_size and (b is None or b.shape == (channels,))


def _attends(v: Values) -> bool:
    """q (..., L, E), k (..., S, E), v (..., S, Ev), a mask that repeats to (..., L, S), and dout as q."""
    q, k, value = (tuple(v[name].shape) for name in ("q", "k", "v"))
    mask = () if v["mask"] is None else tuple(v["mask"].shape)
    if min(len(q), len(k), len(value)) < 2 or not q[:-2] == k[:-2] == value[:-2]:
        return False
    fits = (
        v["q"].dtype.kind == "f"
        and q[-1] == k[-1]
        and k[-2] == value[-2]
        and broadcasts_to(mask, (*q[:-1], k[-2]))
    )
    return fits and ("dout" not in v or (v["dout"].shape == q and value[-1] == q[-1]))


def _cover(spans: tuple[Span, ...], sizes: Dims) -> bool:
    """Whether windows have elements, all of which are there."""
    return len(spans) == len(sizes) and all(
        span.start.shape == span.stop.shape
        and span.start.dtype == span.stop.dtype == np.int64
        and span.step > 0
        and bool(((span.start >= 0) & (span.start < span.stop) & (span.stop <= n)).all())
        for span, n in zip(spans, sizes, strict=True)
    )


def _pools(v: Values) -> bool:
    spans, counts = v["spans"], v.get("counts")
    if counts is not None and [c.shape for c in counts] != [span.start.shape for span in spans]:
        return False
    if "x" in v:
        return len(spans) <= v["x"].ndim and _cover(spans, v["x"].shape[v["x"].ndim - len(spans) :])
    pooled = tuple(len(span.start) for span in spans)
    dy = v["dy"].shape
    return len(dy) >= len(spans) and dy[len(dy) - len(spans) :] == pooled and _cover(spans, tuple(v["size"]))


def _below(index: Array, n: int) -> bool:
    """Whether all of an index is from 0 to n - 1; on a device nobody waits to see that."""
    return not is_seen(index) or not index.size or bool(0 <= index.min() <= index.max() < n)


def _pooled(v: Values) -> bool:
    index = v["index"]
    if "dy" in v:
        fits = index.shape == v["dy"].shape and len(v["size"]) <= index.ndim
        return fits and _below(index, math.prod(v["size"]))
    x, pooled = v["x"], v["pooled"]
    fits = 0 < pooled <= x.ndim == index.ndim and index.shape[: x.ndim - pooled] == x.shape[: x.ndim - pooled]
    return fits and _below(index, math.prod(x.shape[x.ndim - pooled :]))


def _resampled(v: Values) -> bool:
    index, weight, dim = v["index"], v["weight"], v["dim"]
    fits = index.ndim == 2 and index.shape == weight.shape and index.shape[1] > 0
    n = v["x"].shape[dim] if "x" in v else v["size"]
    return fits and _below(index, n) and ("x" in v or v["dy"].shape[dim] == len(index))


def _classes(v: Values) -> bool:
    z = v["z"].shape
    return len(z) == 2 and v["y"].shape == z[:1] == v.get("dl", v["y"]).shape and _below(v["y"], z[1])


ATTENTION = "floats, q (..., L, E), k (..., S, E), v (..., S, Ev) and a mask that repeats to (..., L, S)"
RNN = sized(z="T B H", h0="B H", W="H H")
RNN_BACKWARD = sized(dy="S B H", y="S B H", W="H H")

#: What the arrays of a kernel must be, in words, and whether they are. Those of any other kernel broadcast.
RULES: dict[str, Rule] = {
    **{
        name: one_shape("da", "z")
        for name in ("leaky_relu_backward", "hardtanh_backward", "elu_backward", "softplus_backward")
    },
    "softmax_backward": one_shape("da", "a"),
    "log_softmax_backward": one_shape("da", "a"),
    "recurrence": one_shape("a", "b"),
    "topk": ("of at least k elements along dim", lambda v: 0 <= v["k"] <= v["x"].shape[v["dim"]]),
    "cross_entropy": ("z (B, C) and y (B,) of classes from 0 to C - 1", _classes),
    "cross_entropy_backward": ("dl (B,), z (B, C) and y (B,) of classes from 0 to C - 1", _classes),
    "dropout": (
        "of a multiple of `together` elements",
        lambda v: v["together"] > 0 and v["x"].size % v["together"] == 0,
    ),
    "normalise": repeated("x", "weight", "bias"),
    "normalise_backward": repeated("x", "weight"),
    "normalise_by": repeated("x", "mean", "scale", "weight", "bias"),
    "normalise_sums": repeated("x"),
    "expand": ("repeatable to that shape", lambda v: broadcasts_to(v["x"].shape, tuple(v["shape"]))),
    "matmul": ("x (..., M, K) and y (..., K, N)", _matrices),
    "linear": sized(x="... K", W="N K", b="N"),
    "attention": (ATTENTION, _attends),
    "attention_backward": (f"{ATTENTION}, with Ev = E, and dout (..., L, E)", _attends),
    "rnn_tanh": RNN,
    "rnn_relu": RNN,
    "rnn_tanh_backward": RNN_BACKWARD,
    "rnn_relu_backward": RNN_BACKWARD,
    "lstm": sized(z="T B 4H", h0="B H", c0="B H", W="4H H"),
    "lstm_backward": sized(dy="6 S B H", y="6 S B H", W="4H H"),
    "gru": sized(z="T B 3H", h0="B H", W="3H H", b="3H"),
    "gru_backward": sized(dy="5 S B H", y="5 S B H", W="3H H"),
    "conv": ("x (N, C, *size), W (O, C / groups, *k) and b (O,), for these windows", _conv),
    "conv_transpose": ("z (N, O, *counts), W (O, C / groups, *k) and b (C,), for these windows", _conv),
    "conv_weight": ("z (N, O, *counts) and x (N, C, *size), for these windows", _conv),
    "argmax_pool": ("as large as the windows say", _pools),
    "avg_pool": ("as large as the windows and counts say", _pools),
    "avg_pool_backward": ("as large as the windows and counts say", _pools),
    "max_pool": ("x and an index of places in its pooled dims", _pooled),
    "max_pool_backward": ("dy and an index, of its shape, of places in the pooled dims", _pooled),
    "resample": ("x and, of one shape, an index of places along dim and their weight", _resampled),
    "resample_backward": ("dy and, of one shape, an index of places along dim and their weight", _resampled),
    "sgd_step": one_shape("p", "g", "v"),
    "rmsprop_step": one_shape("p", "g", "s", "mean", "v"),
    "adagrad_step": one_shape("p", "g", "s"),
    "adam_step": one_shape("p", "g", "m", "s", "top"),
    "running_step": one_shape("running", "observed"),
    "put": ("", lambda v: True),  # NumPy compares the key
    "put_add": ("", lambda v: True),
}
