"""Symptoms: what can be wrong with a network, each a function that looks at a trace, weights or gradients.

The thresholds are the constants below, and every finding states the one that it passed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from minigrad.graph import Op
from minigrad.inspect.trace import Step, Trace
from minigrad.kernels import Array
from minigrad.nn.module import Module
from minigrad.nn.normalisation import BatchNorm
from minigrad.ops.activation import Relu, Sigmoid, Tanh
from minigrad.ops.gates import Hardsigmoid
from minigrad.ops.rectifiers import Hardtanh, Relu6
from minigrad.tensor import Tensor

SAMPLES = 16  # values of a unit that are needed to call it dead
DEAD = 0.1  # share of the units of a layer that give 0 for every input
FLAT = 0.01  # of the range of a sigmoid or tanh: so near to an end it is saturated
SATURATED = 0.5  # share of the values of a layer that are
VANISHING = 1e-3  # of the gradient (root mean square) of the last layer's weight
EXPLODING = 1e3  # times it; and the largest norm of all gradients together
SCALE = (0.05, 20.0)  # least and largest standard deviation of a layer's z
INPUT_MEAN, INPUT_STD = 1.0, (0.2, 5.0)  # of the model's input
NORM_MEAN, NORM_STD = 0.5, (0.5, 2.0)  # of what a normalisation makes of a channel, before its weight and bias
NORM_SHARE = 0.1  # share of the channels that are off

RANGES: dict[type[Op], tuple[float, float]] = {Sigmoid: (0, 1), Tanh: (-1, 1), Hardsigmoid: (0, 1)}


ADVICE = {
    "dead units": "a unit that is always 0 gets no gradient and stays so. Try a smaller learning rate, "
    "nn.init.kaiming_normal_ with biases of 0, or LeakyReLU.",
    "saturation": "near the ends of its range the derivative is nearly 0. Make z smaller: inputs with mean 0 and "
    "deviation 1, nn.init.xavier_uniform_, or a normalisation before it.",
    "NaN or Inf": "the first operation with such values is where to look; mg.detect_anomaly() stops there.",
    "scale of z": "the signal shrinks or grows from layer to layer. Use Kaiming initialisation with ReLU, Xavier "
    "with tanh or sigmoid, or a normalisation.",
    "input statistics": "subtract the mean of the training set and divide by its standard deviation, feature by "
    "feature.",
    "batch statistics": "the running statistics do not fit these inputs. Train longer in train() mode, check that "
    "training and test data are prepared in the same way, or take another momentum.",
    "NaN or Inf in weights": "the model is lost. Go back to an earlier state, and lower the learning rate or clip "
    "gradients.",
    "weights all 0": "units with equal weights learn the same thing. Draw them at random, as nn.init does.",
    "no gradient": "the loss does not depend on it. Is the layer used, and nothing detached on the way?",
    "NaN or Inf in gradients": "mg.detect_anomaly() finds the operation that made them.",
    "gradient all 0": "nothing flows back to it. Dead or saturated units behind it, or weights of 0, stop it.",
    "vanishing gradient": "the layers near the input hardly learn. Use ReLU with Kaiming initialisation instead "
    "of sigmoids, normalisation, or residual connections.",
    "exploding gradient": "steps become too large. Use smaller initial weights or a normalisation, clip with "
    "nn.utils.clip_grad_norm_, or lower the learning rate.",
}


@dataclass(frozen=True)
class Finding:
    """Something that is wrong, or may be.

    Attributes:
        what: its name: ``"dead units"``.
        where: the layer or parameter.
        value: what was measured, in words.
        threshold: what it should have been.
    """

    what: str
    where: str
    value: str
    threshold: str

    @property
    def advice(self) -> str:
        """What it means, and what to try."""
        return ADVICE[self.what]


# -- activations ----------------------------------------------------------------------------------------------


def dead_units(trace: Trace) -> Iterator[Finding]:
    """Rectifiers that give 0 for every input of the batch. A unit is a channel of an image, else a feature."""
    for step, op, a in _outputs(trace):
        if not isinstance(op, (Relu, Relu6)) or a.ndim < 2:
            continue
        axis = 1 if a.ndim == 4 else a.ndim - 1
        others = tuple(d for d in range(a.ndim) if d != axis)
        units = a.shape[axis]
        if units and a.size // units >= SAMPLES:
            dead = int((a == 0).all(others).sum())
            if dead > DEAD * units:
                measured = f"{dead} of {units} are 0 for all inputs"
                yield Finding("dead units", step.name, measured, f"at most {DEAD:.0%}")


def saturation(trace: Trace) -> Iterator[Finding]:
    """Sigmoids and tanhs near the ends of their range, but not the model's output, which may be sure of itself."""
    for step, op, a in _outputs(trace):
        if isinstance(op, Hardtanh) and not isinstance(op, Relu6):
            low, high = op.min_val, op.max_val
        elif type(op) in RANGES:
            low, high = RANGES[type(op)]
        else:
            continue
        if a.size < SAMPLES or (isinstance(trace.output, Tensor) and trace.output.array is a):
            continue
        margin = FLAT * (high - low)
        share = float(((a < low + margin) | (a > high - margin)).mean())
        if share > SATURATED:
            yield Finding("saturation", step.name, f"{share:.0%} of the values", f"at most {SATURATED:.0%}")


def scales(trace: Trace) -> Iterator[Finding]:
    """Layers whose z is far too small or too large, and values that are not numbers."""
    for step, op, out in _outputs(trace):
        if out.dtype.kind != "f" or not out.size:
            continue
        bad = int((~np.isfinite(out)).sum())
        if bad:
            yield Finding("NaN or Inf", f"{step.name} ({op.title})", f"{bad:,} of {out.size:,} values", "none")
            return
        if op.output == "z" and out.size >= SAMPLES and not _within(out.std(), SCALE):
            yield Finding("scale of z", step.name, f"standard deviation {out.std():.3g}", _range(SCALE))


def inputs_off(inputs: tuple[object, ...]) -> Iterator[Finding]:
    """Inputs whose mean and deviation are far from 0 and 1."""
    for i, x in enumerate(inputs):
        if not isinstance(x, Tensor) or x.dtype.kind != "f" or x.numel() < SAMPLES:
            continue
        mean, deviation = x.array.mean(dtype=np.float64), x.array.std(dtype=np.float64)
        if not abs(mean) <= INPUT_MEAN or not _within(deviation, INPUT_STD):
            wanted = f"mean within {INPUT_MEAN:g} of 0, deviation {_range(INPUT_STD)}"
            measured = f"mean {mean:.3g}, standard deviation {deviation:.3g}"
            yield Finding("input statistics", f"input {i}", measured, wanted)


def normalisation_off(trace: Trace) -> Iterator[Finding]:
    """Batch normalisations that do not bring their batch to mean 0 and deviation 1, before weight and bias."""
    for call in trace.calls:
        norm, out = call.module, call.output
        if not isinstance(norm, BatchNorm) or not isinstance(out, Tensor) or out.numel() < SAMPLES * out.shape[1]:
            continue
        x = np.moveaxis(out.array.astype(np.float64), 1, -1).reshape(-1, out.shape[1])  # (values, channels)
        if norm.weight is not None and norm.bias is not None:
            is_open = norm.weight.array != 0
            x = (x - norm.bias.array)[:, is_open] / norm.weight.array[is_open]
        mean, deviation = x.mean(0), x.std(0)
        off = (abs(mean) > NORM_MEAN) | (deviation < NORM_STD[0]) | (deviation > NORM_STD[1])
        if off.size and off.mean() > NORM_SHARE:
            wanted = f"mean within {NORM_MEAN:g} of 0, deviation {_range(NORM_STD)}, in all but {NORM_SHARE:.0%}"
            yield Finding("batch statistics", call.name, f"{off.sum()} of {off.size} channels off", wanted)


# -- weights and gradients ------------------------------------------------------------------------------------


def weights_off(model: Module) -> Iterator[Finding]:
    """Parameters that are not numbers, and weights that are all 0."""
    for name, p in model.named_parameters():
        bad = int((~np.isfinite(p.array)).sum())
        if bad:
            yield Finding("NaN or Inf in weights", name, f"{bad:,} of {p.numel():,}", "none")
        elif p.ndim >= 2 and p.numel() and not p.array.any():
            yield Finding("weights all 0", name, f"{p.numel():,} zeros", "not all 0")


def gradients_off(gradients: Mapping[str, Tensor | None]) -> Iterator[Finding]:
    """Gradients that are missing, 0, no numbers, or of very different size from layer to layer."""
    fit: dict[str, Array] = {}
    for name, gradient in gradients.items():
        if gradient is None:
            yield Finding("no gradient", name, "none arrived", "one for each parameter")
            continue
        g = gradient.array.astype(np.float64)
        bad = int((~np.isfinite(g)).sum())
        if bad:
            yield Finding("NaN or Inf in gradients", name, f"{bad:,} of {g.size:,}", "none")
        elif g.size and not g.any():
            yield Finding("gradient all 0", name, f"{g.size:,} zeros", "not all 0")
        elif g.size:
            fit[name] = g
    yield from _by_layer({name: float(np.sqrt((g * g).mean())) for name, g in fit.items() if g.ndim >= 2})
    norm = float(np.sqrt(sum((g * g).sum() for g in fit.values())))
    if norm > EXPLODING:
        yield Finding("exploding gradient", "all parameters", f"norm {norm:.3g}", f"at most {EXPLODING:g}")


def _by_layer(sizes: Mapping[str, float]) -> Iterator[Finding]:
    """Weights whose gradient is far smaller or larger than that of the last."""
    if not sizes:
        return
    *_, (last, reference) = sizes.items()
    for name, size in sizes.items():
        if size < VANISHING * reference:
            measured = f"{size / reference:.2g} of that of {last}"
            yield Finding("vanishing gradient", name, measured, f"at least {VANISHING:g}")
        elif size > EXPLODING * reference:
            measured = f"{size / reference:.2g} times that of {last}"
            yield Finding("exploding gradient", name, measured, f"at most {EXPLODING:g}")


# -- small things ---------------------------------------------------------------------------------------------


def _outputs(trace: Trace) -> Iterator[tuple[Step, Op, Array]]:
    """Every operation with the step that it belongs to and the array that it made."""
    steps = {id(op): step for step in trace.steps for op in step.ops}
    for event in trace.events:
        yield steps[id(event.op)], event.op, event.output.array


def _within(value: float, limits: tuple[float, float]) -> bool:
    return limits[0] <= value <= limits[1]


def _range(limits: tuple[float, float]) -> str:
    return f"{limits[0]:g} to {limits[1]:g}"
