"""What to say of an operation that is written or used in the wrong way, and of names from other libraries."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from minigrad.lines import line_of

if TYPE_CHECKING:
    from minigrad.graph import Op
    from minigrad.kernels import Array
    from minigrad.tensor import Tensor
    from minigrad.versions import Version


def check_call(op: Any, tensors: Sequence[Any], op_class: type[Op], tensor_class: type) -> None:
    """Raise TypeError if ``record(op, *tensors)`` cannot work; do nothing if the mistake is inside ``forward``."""
    if not isinstance(op, op_class):
        hint = f": give it an instance, {op.__name__}()" if inspect.isclass(op) else ""
        raise TypeError(f"record() expects an operation, got {op!r}{hint}")
    for i, t in enumerate(tensors):
        if not isinstance(t, tensor_class):
            raise TypeError(f"record() expects tensors after the operation; number {i} for {op} is {t!r:.60}")
    try:
        inspect.signature(op.forward).bind(None, *tensors)
    except TypeError as error:
        takes = f"{type(op).__name__}.forward{inspect.signature(op.forward)}"
        raise TypeError(f"record() got {len(tensors)} tensors for {takes}: {error}") from None


def output_of(op: Op, result: Any) -> Array:
    """What ``forward`` returned, as an array: NumPy makes numbers of arrays without dimensions."""
    if not isinstance(result, (np.generic, np.ndarray)):
        raise TypeError(f"the forward of {op} must return an array, it returned {result!r:.60}")
    return np.asarray(result)


def check_output(cls: type[Op], name: str, formula: str) -> None:
    """Raise TypeError if a class keeps something that is neither an input nor its output.

    The output is called what the class says, or else as on the left side of its formula, or else ``y``. The y of
    ``y_k = ...``, ``y[i] = ...`` and ``y(x) = ...`` may be called y.
    """
    stated = [vars(c)["output"] for c in cls.__mro__ if "output" in vars(c)]
    left = re.match(r"(\w+)(\[[^=]*\]|\([^=]*\))? *=", formula)
    names = stated[:1]
    if len(stated) == 1:  # the default
        names = [left[1], left[1].partition("_")[0]] if left else names
    if name not in names and (stated[1:] or sys.flags.optimize < 2):  # -OO leaves classes without a formula
        raise TypeError(
            f"{cls.__name__} keeps `{name}`, which is neither an input of forward ({', '.join(cls.inputs)}) nor "
            f"the output ({names[0]}): if it is the output, write output = {name!r} in the class body"
        )


def apart(name: str, tensors: Sequence[Tensor]) -> RuntimeError:
    """The error for operands on several devices."""
    listed = ", ".join(f"{t.shape} on {t.device}" for t in tensors)
    return RuntimeError(f"{name}: its operands are on different devices, {listed}: move one with t.to(device)")


def described(value: Any) -> str:
    """What a value is, as part of a sentence.

    >>> described(3), described([]), described(int)
    ('an int', 'a list', 'the class int')
    """
    if inspect.isclass(value):
        return f"the class {value.__name__}"
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeioAEIO' or name == 'ndarray' else 'a'} {name}"


def ragged(data: Any, place: str = "") -> str:
    """Where nested sequences have other lengths than those beside them; "" if nowhere."""
    if not isinstance(data, (list, tuple)):
        return ""
    sizes = [len(part) if isinstance(part, (list, tuple)) else -1 for part in data]  # -1 for a number
    for i, n in enumerate(sizes):
        if n != sizes[0]:
            has = ["is a number" if m < 0 else f"has {m} element{'s' * (m != 1)}" for m in (n, sizes[0])]
            return f"rows must have equal lengths, but data{place}[{i}] {has[0]} and data{place}[0] {has[1]}"
    return next(filter(None, (ragged(part, f"{place}[{i}]") for i, part in enumerate(data))), "")


# A class with a __getattr__ would say it for any name, but then every attribute takes four times as long to read


class NotKept:
    """In the place of an input or output that an operation does not keep: reading it says so."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, op: Op | None, owner: type[Op]) -> NoReturn:
        raise AttributeError(
            f"{owner.__name__} keeps no {self.name}: what backward needs is declared in the class body, "
            f"{self.name} = mg.Kept()"
        )


class Elsewhere:
    """In the place of another library's name for something: reading it says what the name is here."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, tensor: Tensor | None, owner: type[Tensor]) -> NoReturn:
        raise no_such_name("a Tensor", self.name, tensor)


def explain_other_names(owner: type) -> None:
    """Let the class say of other libraries' names what they are here."""
    for name in ELSEWHERE:
        if not hasattr(owner, name):
            setattr(owner, name, Elsewhere(name))


def assigned(op: Op, name: str) -> AttributeError:
    """The error for a kept value that somebody sets."""
    return AttributeError(
        f"{type(op).__name__}.{name} is kept for you, from what forward takes and returns: do not assign it"
    )


def changed(op: Op, name: str, array: Array, version: Version, seen: int) -> RuntimeError:
    """The error for a kept value that is not what it was."""
    recorded = f", recorded at {op.line}," if op.line else ""
    changed = f" at {line_of(version.place)}" if line_of(version.place) else ""
    return RuntimeError(
        f"{op}{recorded} needs its {name} of shape {array.shape} as it was in the forward pass, version "
        f"{seen}, but it has been changed in place since{changed} and is at version {version.value}: "
        "change a clone(), or change it after backward()"
    )


#: Names of NumPy's and PyTorch's, and what to write here instead.
ELSEWHERE = {
    "absolute": "abs", "array": "mg.tensor", "asarray": "mg.as_tensor", "astype": "x.to(dtype)",
    "bfloat16": "float32", "clip": "clamp", "concat": "cat", "concatenate": "cat", "copy": "clone",
    "cumulative_sum": "cumsum", "divide": "div", "dstack": "cat", "expand_dims": "unsqueeze", "greater": "gt",
    "half": "float32", "hstack": "cat", "is_cuda": "x.device", "less": "lt", "moveaxis": "movedim",
    "multiply": "mul", "negative": "neg", "not_equal": "ne", "numel": "x.numel()", "power": "pow",
    "ravel": "flatten", "squeeze_": "x = x.squeeze()", "subtract": "sub", "swapdims": "swapaxes", "t": "x.t()",
    "true_divide": "div", "unsqueeze_": "x = x.unsqueeze(dim)", "vstack": "cat",
}  # fmt: skip

_VOLUMES = "there is nothing for volumes here"
_LAZY = "give the layer the size of its input"
_IN_PLACE = "nothing is computed in place here: use the function without the _"

#: The same in modules: what to say of a name that one does not have.
ELSEWHERE_IN: dict[str, dict[str, str]] = {
    "minigrad.autograd": {
        "Function": "write an mg.Op, as its docstring and docs/design.md say",
        "Variable": "use mg.tensor",
    },
    "minigrad.nn": {
        **dict.fromkeys("AvgPool3d BatchNorm3d Conv3d ConvTranspose3d Dropout3d MaxPool3d".split(), _VOLUMES),
        **dict.fromkeys("LazyBatchNorm1d LazyBatchNorm2d LazyConv1d LazyConv2d LazyLinear".split(), _LAZY),
        **dict.fromkeys(["DataParallel", "SyncBatchNorm"], "a model is on one device here"),
        "AlphaDropout": "use nn.Dropout",
        "Buffer": "use module.register_buffer()",
        "NLLLoss2d": "use nn.NLLLoss",
        "RReLU": "use nn.LeakyReLU",
        "RNNBase": "use nn.RNN, nn.LSTM or nn.GRU",
        "Softmax2d": "use nn.Softmax(dim=-3)",
        "UpsamplingBilinear2d": 'use nn.Upsample(mode="bilinear", align_corners=True)',
        "UpsamplingNearest2d": "use nn.Upsample",
    },
    "minigrad.nn.functional": {
        **dict.fromkeys("avg_pool3d conv3d conv_transpose3d dropout3d max_pool3d".split(), _VOLUMES),
        **dict.fromkeys("celu_ elu_ hardtanh_ leaky_relu_ relu_ selu_ threshold_".split(), _IN_PLACE),
        "cdist": "use mg.cdist",
        "rrelu": "use F.leaky_relu",
        "upsample": "use F.interpolate",
        "upsample_bilinear": 'use F.interpolate(mode="bilinear", align_corners=True)',
        "upsample_nearest": "use F.interpolate",
    },
    "minigrad.optim": {
        "ASGD": "use optim.SGD",
        "Adamax": "use optim.Adam",
        "LBFGS": "use optim.SGD or optim.Adam",
        "SparseAdam": "use optim.Adam",
    },
}


def no_such_name(what: str, name: str, where: Any = None) -> AttributeError:
    """The error for an attribute that ``where``, or the module called ``what``, does not have."""
    others = ELSEWHERE_IN.get(what)
    hint = f": use {ELSEWHERE[name]}" if others is None and name in ELSEWHERE else ""
    if others is not None and name in others:
        hint = f": {others[name]}"
    return AttributeError(f"{what} has no attribute {name!r}{hint}", name=name, obj=sys.modules.get(what, where))
