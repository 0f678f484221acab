"""Changes in place: what an operation computes, written into the memory of its first operand.

``x.add_(y)`` is ``x + y``, recorded as always; then the result is stored where x stands, x takes the place of the
result in the graph, and the change is counted. So the graph stays a record of values that never change, and four
things need care:

=================================  ==========================================================================
a node needs the old value         this change's own node is given a copy; an older one finds, when it is
                                   walked, that the version is not the one it kept, and says so
x is a view                        its base has changed too: ``PutView`` records that
x has views, or is one of several  each is taken again, from the base as it is now
a view was taken under no_grad()   it shows the new values as a constant, as what detach() gives does
=================================  ==========================================================================

The rules are PyTorch's ("Autograd mechanics", https://pytorch.org/docs/stable/notes/autograd.html).
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad import dtypes, graph
from minigrad import kernels as places
from minigrad.generator import Generator, numbers
from minigrad.graph import Gradients, Op, record
from minigrad.kernels import Array
from minigrad.modes import current_mode
from minigrad.ops.arithmetic import clone
from minigrad.ops.indexing import fitting, index_put
from minigrad.ops.operands import Number, cast, one_device, tensor
from minigrad.ops.transfer import to_device

if TYPE_CHECKING:
    from minigrad.tensor import Tensor


class PutView(Op):
    """out = x, but v where a view of x stands"""

    output = "out"

    def __init__(self, views: tuple[Op, ...], layout: tuple[int, ...]) -> None:
        self.views = views  # from x to the view, one after the other
        self.layout = layout  # the dims of x, the one with the widest steps first

    def forward(self, kernels: Any, x: Array, v: Array) -> Any:
        # in that layout whatever x has, which may be a gradient: in another, a reshape would be a copy
        order = tuple(int(d) for d in np.argsort(self.layout))
        out = view = kernels.permute(kernels.copy(kernels.permute(x, self.layout)), order)
        for op in self.views:
            view = op.forward(kernels, view)
        places.write(view, v)
        return out

    def backward(self, dout: Tensor) -> Gradients:
        dx = dv = None
        if self.wants("x"):
            dx = record(PutView(self.views, self.layout), dout, graph.tensor_class.of(np.zeros((), dout.dtype)))
        if self.wants("v"):
            dv = dout
            for op in self.views:
                dv = record(op.fresh(), dv)
        return dx, dv


def in_place(operation: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The method that writes the result of ``operation`` into its first operand, and returns that."""
    name = f"{operation.__name__}_"

    @functools.wraps(operation)
    def change(x: Tensor, *operands: Any, **options: Any) -> Tensor:
        check_changeable(name, x, *operands, *options.values())
        old = [before(t, x) if isinstance(t, graph.tensor_class) else t for t in (x, *operands)]
        options = {k: before(t, x) if isinstance(t, graph.tensor_class) else t for k, t in options.items()}
        store(name, x, operation(*old, **options))
        return x

    change.__name__ = change.__qualname__ = name
    change.__doc__ = f":func:`mg.{operation.__name__}`, written into the tensor itself."
    return change


def copy_(x: Tensor, source: Tensor | Number) -> Tensor:
    """Give ``x`` the values of ``source``, a number or a tensor that broadcasts to the shape of ``x``.

    The source may be on another device: to copy is to ask for it.

    >>> import minigrad as mg
    >>> mg.zeros(2, 2).copy_(mg.tensor([1, 2]))
    tensor([[1., 2.],
            [1., 2.]])
    """
    if isinstance(source, graph.tensor_class):
        source = to_device(source, tensor("copy_", x).device)
    set_item(x, ..., source)
    return x


def fill_(x: Tensor, value: Tensor | Number) -> Tensor:
    """Give every element of ``x`` the value.

    >>> import minigrad as mg
    >>> mg.zeros(2).fill_(7)
    tensor([7., 7.])
    """
    if value.ndim if isinstance(value, graph.tensor_class) else np.ndim(value):
        raise ValueError("fill_: the value must be a number or a tensor without dimensions; copy_() takes others")
    return copy_(x, value)


def fill_diagonal_(x: Tensor, fill_value: Tensor | Number, wrap: bool = False) -> Tensor:
    """Give every element of the diagonal of ``x`` the value; in a matrix with ``wrap``, also of those below it.

    Raises ValueError for fewer than two dimensions, and for more whose sizes differ.

    >>> import minigrad as mg
    >>> mg.zeros(2, 3).fill_diagonal_(7)
    tensor([[7., 0., 0.],
            [0., 7., 0.]])
    """
    shape = tensor("fill_diagonal_", x).shape
    if len(shape) < 2 or (len(shape) > 2 and len(set(shape)) > 1):
        raise ValueError(f"fill_diagonal_: a tensor of shape {shape} has no diagonal")
    places: tuple[Array, ...] = (np.arange(min(shape)),) * len(shape)
    if wrap and len(shape) == 2:  # one row further down each time round
        places = np.divmod(np.arange(0, x.numel(), shape[1] + 1), max(shape[1], 1))
    set_item(x, places, fill_value)
    return x


def normal_(x: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Fill ``x`` with random numbers from the normal distribution. Raises ValueError for a negative spread."""
    if std < 0:
        raise ValueError(f"normal_: the spread must not be negative, got {std}")
    return _drawn(x, numbers("normal_", generator).normal(mean, std, x.shape))


def uniform_(x: Tensor, a: float = 0.0, b: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Fill ``x`` with random numbers, uniform in [a, b). Raises ValueError unless a <= b."""
    if not a <= b:
        raise ValueError(f"uniform_: {a} is not below {b}")
    return _drawn(x, numbers("uniform_", generator).uniform(a, b, x.shape))


def _drawn(x: Tensor, values: Array) -> Tensor:
    return copy_(x, graph.tensor_class(values, dtype=x.dtype, device=x.device))


def zero_(x: Tensor) -> Tensor:
    """Make every element of ``x`` 0.

    >>> import minigrad as mg
    >>> mg.ones(2).zero_()
    tensor([0., 0.])
    """
    return copy_(x, 0)


def detach_(x: Tensor) -> Tensor:
    """Cut ``x`` itself off from the graph: from here on it is a leaf that requires no gradient.

    Raises RuntimeError for a view, which would no longer follow its base: use ``x.detach()``.

    >>> import minigrad as mg
    >>> y = mg.ones(2, requires_grad=True) * 2
    >>> y.detach_(), y.is_leaf
    (tensor([2., 2.]), True)
    """
    if tensor("detach_", x).view_of:
        raise RuntimeError("detach_: a view is not cut off in place: use x.detach()")
    x.grad_fn, x._requires_grad = None, False
    return x


def set_item(x: Tensor, key: Any, value: Tensor | Number) -> None:
    """``x[key] = value``: ``value``, a number or tensor, takes the dtype of ``x`` and broadcasts to ``x[key]``."""
    check_changeable("x[key] = value", x, value)
    one_device("x[key] = value", x, value)
    parts, v = fitting(tensor("x[key] = value", x), key, value)
    if current_mode().records and (x.requires_grad or v.requires_grad):
        store("x[key] = value", x, index_put(before(x, x), key, before(v, x)))
    else:
        places.write(x.array, v.array, parts)
        x.touch()


# -- the parts of a change ------------------------------------------------------------------------------------


def check_changeable(name: str, x: Any, *operands: Any) -> None:
    """Raise unless ``x`` may be changed here and now, by an operation with these operands."""
    array, mode = tensor(name, x).array, current_mode()
    if x.is_inference() and not mode.inference:
        raise RuntimeError(f"{name}: a tensor made in inference_mode() is not changed outside it: use a clone()")
    if not array.flags.writeable:
        what = "shows one element in several places" if 0 in array.strides else "is read-only"
        raise RuntimeError(f"{name}: this tensor {what}: use a clone()")
    if not mode.records:
        return
    base = base_of(x)
    for t in (x, base):
        if t.requires_grad and t.is_leaf:
            what = "a leaf that requires a gradient" if t is x else "a view of a leaf that requires a gradient"
            raise RuntimeError(f"{name}: {what} cannot be changed while operations are recorded: use no_grad()")
    if any(isinstance(t, graph.tensor_class) and t.requires_grad for t in (base, *operands)):
        following = {id(view()) for view in x.version.views}
        while x.view_of:
            if id(x) not in following:
                raise RuntimeError(f"{name}: this view was taken under no_grad(), so its base cannot follow")
            x = x.view_of[0]


def base_of(x: Tensor) -> Tensor:
    """The tensor that ``x`` is a view of, through any number of views; ``x`` itself if it is none."""
    while x.view_of:
        x = x.view_of[0]
    return x


def before(t: Tensor, x: Tensor) -> Tensor:
    """``t`` as it was before the change of ``x``: a copy if they share memory and the graph may need it."""
    if not current_mode().records or t.version is not x.version:
        return t
    if t.requires_grad and t.is_leaf:  # x is a detached alias of it
        return clone(t)
    old = graph.tensor_class.of(places.duplicate(t.array), t.grad_fn)
    old._constant = t.constant()
    return old


def store(name: str, x: Tensor, out: Tensor) -> None:
    """Write ``out`` into the memory of ``x``; ``x``, its base and their views take new places in the graph."""
    if out.shape != x.shape:
        raise ValueError(f"{name}: the result of shape {out.shape} does not fit into the shape {x.shape}")
    if out.dtype != x.dtype and not dtypes.yields_to(out.dtype, x.dtype):
        raise TypeError(f"{name}: the result is {out.dtype}, which does not fit into {x.dtype}")
    out, base = cast(out, x.dtype), base_of(x)
    changed = current_mode().records and (out.requires_grad or base.requires_grad)
    if changed and base is not x:
        path = []
        view = x
        while view.view_of:
            path.append(view.view_of[1].fresh())
            view = view.view_of[0]
        layout = tuple(int(d) for d in np.argsort(np.abs(base.array.strides))[::-1])
        whole = record(PutView(tuple(reversed(path)), layout), before(base, x), out)
    places.write(x.array, out.array)
    x.touch()
    x._constant = base._constant = None
    if changed:
        _move(base, out if base is x else whole)
        for reference in tuple(x.version.views):
            taken = reference()
            if taken is not None and taken.view_of:
                parent, op = taken.view_of
                _move(taken, record(op.fresh(), parent))


def _move(t: Tensor, to: Tensor) -> None:
    """Let ``t`` stand in the graph where ``to`` stands."""
    if t.grad_fn and t.grad_fn.retained and t.grad_fn.retained() is t and to.grad_fn:
        t.grad_fn.retained, to.grad_fn.retained = None, weakref.ref(t)
    t.grad_fn, t._requires_grad = to.grad_fn, to.requires_grad
