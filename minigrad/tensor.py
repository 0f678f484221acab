"""Tensor: an array and its place in the graph.

A tensor holds a NumPy array and, if an operation made it, the node that did (``grad_fn``). Every method below is
an operation from ``ops/`` that goes through ``graph.record``, or looks at the array and records nothing.
"""

from __future__ import annotations

import operator
import weakref
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from minigrad import backward, dtypes, graph, kernels, mistakes
from minigrad.graph import Constant, Op
from minigrad.hooks import Handle, Hook, Hooks, register
from minigrad.kernels import Array
from minigrad.lines import Place, users_place
from minigrad.methods import Operations
from minigrad.modes import current_mode
from minigrad.names import named
from minigrad.ops.operands import cast, one_dim
from minigrad.versions import UNCOUNTED, Version


class Tensor(Operations):
    """An array of numbers that remembers how it was computed.

    Args:
        data: numbers, nested sequences of numbers, an array, or a tensor; copied.
        dtype: one of ``mg.float32``, ``float64``, ``int64`` and so on. By default Python floats become float32,
            ints int64, bools bool, and an array keeps its own.
        requires_grad: collect the gradient of this tensor in ``grad``. Only floats can.
        device: ``"cpu"``, or ``"cuda"``, the GPU; ``"cuda:1"`` is the second one.

    Raises:
        TypeError: a dtype that minigrad does not have, or a gradient for integers.
        ValueError: ragged sequences, an unknown device. RuntimeError: CUDA cannot be used here.

    >>> import minigrad as mg
    >>> x = mg.tensor([1.0, 2.0], requires_grad=True)
    >>> loss = (x * x).sum()
    >>> loss.backward()
    >>> loss, x.grad
    (tensor(5., grad_fn=<SumBackward>), tensor([2., 4.]))
    """

    __slots__ = (
        "__weakref__", "_constant", "_grad", "_hooks", "_requires_grad", "_version", "array", "grad_fn", "view_of",
    )  # fmt: skip

    array: Array
    grad_fn: Op | None
    _grad: Tensor | None
    _constant: Constant | None
    _version: Version | None  # None until somebody asks
    _hooks: Hooks | None  # only on a leaf that a gradient was asked for
    view_of: tuple[Tensor, Op] | None  # a tensor whose memory this one shares, and the operation that leads here

    def __init__(
        self, data: Any, dtype: Any = None, requires_grad: bool = False, device: str | None = None
    ) -> None:
        if isinstance(data, Tensor) and not kernels.is_seen(data.array):
            self.array = _copied(data, dtype, data.device if device is None else device)
        else:
            self.array = kernels.moved(_array_of(data, dtype), kernels.check_device(device))
        self._grad = self.grad_fn = self._constant = self.view_of = None
        self._version = UNCOUNTED if current_mode().inference else None
        self._requires_grad = False
        if requires_grad is not False:
            self.requires_grad = requires_grad

    @staticmethod
    def of(array: Array, grad_fn: Op | None = None, version: Version | None = None) -> Tensor:
        """A tensor around an array, without copying it or checking anything: for those who made the array."""
        t = Tensor.__new__(Tensor)
        t.array = array
        t.grad_fn = grad_fn
        t._version = version
        t._grad = t._constant = t.view_of = None
        t._requires_grad = grad_fn is not None
        return t

    # -- its place in the graph -------------------------------------------------------------------------------

    @property
    def requires_grad(self) -> bool:
        """Whether gradients flow to this tensor. Can be set on a leaf."""
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if self.grad_fn is not None:
            raise RuntimeError(f"this tensor is not a leaf, {self.grad_fn} made it: use detach() to cut it off")
        if not isinstance(value, bool):
            raise TypeError(f"requires_grad must be True or False, got {value!r}")
        if value and self.array.dtype.kind != "f":
            raise TypeError(f"only floats can require a gradient, this tensor is {self.array.dtype}")
        self._requires_grad = value
        if not hasattr(self, "_hooks"):
            self._hooks = None

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Set ``requires_grad``, and return the tensor itself."""
        self.requires_grad = requires_grad
        return self

    @property
    def grad(self) -> Tensor | None:
        """The gradient that ``backward`` has added up here. Can be set to None, or to a tensor that fits."""
        return self._grad

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None and not isinstance(value, Tensor):
            raise TypeError(f"a gradient is a Tensor or None, not {mistakes.described(value)}")
        if value is not None and (value.shape != self.shape or value.dtype != self.dtype):
            raise ValueError(
                f"a tensor of shape {self.shape} and dtype {self.dtype} cannot have a gradient of shape "
                f"{value.shape} and dtype {value.dtype}"
            )
        self._grad = value

    @property
    def is_leaf(self) -> bool:
        """Whether no recorded operation made this tensor."""
        return self.grad_fn is None

    def is_inference(self) -> bool:
        """Whether this tensor was made in :class:`mg.inference_mode`, and so can enter no graph."""
        return self._version is UNCOUNTED

    def backward(
        self,
        gradient: Tensor | None = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Tensor | Sequence[Tensor] | None = None,
    ) -> None:
        """Add the derivatives of this tensor to the ``.grad`` of every leaf that it was computed from.

        Args:
            gradient: the weight of each element, a tensor of this shape; a scalar needs none.
            retain_graph: keep the kept values, so that the graph can be walked again.
            create_graph: record the walk, so that gradients can be differentiated. The leaves then reach
                themselves through ``.grad`` and are freed by the garbage collector only: prefer ``mg.grad``.
            inputs: the tensors whose ``.grad`` alone is added to, leaves or others; by default every leaf.

        Raises:
            RuntimeError: nothing here needs a gradient; not a scalar and no ``gradient``; the graph was walked
                before; a kept value was changed in place. No ``.grad`` has been changed then.
        """
        backward.backward((self,), (gradient,), retain_graph, create_graph, inputs)

    def retain_grad(self) -> None:
        """Have ``backward`` fill in ``.grad`` although this tensor is no leaf."""
        if not self.requires_grad:
            raise RuntimeError("retain_grad() needs a tensor that requires a gradient")
        if self.grad_fn is not None:
            self.grad_fn.retained = weakref.ref(self)

    @property
    def hooks(self) -> Hooks | None:
        """The hooks of a leaf; those of another tensor are on its node."""
        return getattr(self, "_hooks", None)

    def register_hook(self, hook: Hook) -> Handle:
        """Call ``hook(gradient)`` whenever the gradient of this tensor is computed; it may return another one.

        Raises RuntimeError if the tensor does not require a gradient; in the walk back, if the hook changes the
        gradient in place and this is no leaf.

        >>> import minigrad as mg
        >>> x = mg.tensor(3.0, requires_grad=True)
        >>> y = x * x
        >>> handle = y.register_hook(lambda gradient: print("dy =", gradient.item()))
        >>> (y * 2).backward()
        dy = 2.0
        """
        return register(self._own_hooks("register_hook").gradient, hook)

    def register_post_accumulate_grad_hook(self, hook: Hook) -> Handle:
        """Call ``hook(tensor)`` after each ``backward`` that has added to ``.grad``. Only on a leaf.

        Raises RuntimeError on any other tensor.
        """
        if not self.is_leaf:
            raise RuntimeError(f"register_post_accumulate_grad_hook() needs a leaf, not what {self.grad_fn} made")
        return register(self._own_hooks("register_post_accumulate_grad_hook").after, hook)

    def _own_hooks(self, name: str) -> Hooks:
        if not self.requires_grad:
            raise RuntimeError(f"{name}() needs a tensor that requires a gradient")
        if self.grad_fn is not None:
            self.grad_fn.hooks = self.grad_fn.hooks or Hooks()
            return self.grad_fn.hooks
        found = self._hooks = self.hooks or Hooks()
        return found

    def detach(self) -> Tensor:
        """The same memory, cut off from the graph."""
        return Tensor.of(self.array, None, self.version)

    def constant(self) -> Constant:
        """The edge that leads to this tensor from a node that needs no gradient for it; always the same one."""
        self._constant = found = self._constant or Constant(self)
        return found

    @property
    def version(self) -> Version:
        """The count of changes in place, which this tensor shares with its views."""
        self._version = found = self._version or Version()
        return found

    def become_view(self, of: Tensor, op: Op, *, recorded: bool) -> None:
        """Note that ``op`` made this tensor from the memory of another: changes of the one are changes of both."""
        self._version, self.view_of = of.version, (of, op)
        if recorded:
            self._version.add_view(self)

    def touch(self, place: Place | None = None) -> None:
        """Say that ``array`` was changed in place, at that place if known: a node that kept it refuses it."""
        if self._version is not UNCOUNTED:
            self.version.count(place or users_place(2))

    named = named  # in pictures

    # -- the array --------------------------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes, as a tuple."""
        return tuple(self.array.shape)

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return self.array.ndim

    @property
    def dtype(self) -> dtypes.DType:
        """The type of the elements, such as ``mg.float32``."""
        found: dtypes.DType = self.array.dtype
        return found

    @property
    def device(self) -> str:
        """Where the memory is: ``"cpu"``, or such as ``"cuda:0"``."""
        return kernels.device_of(self.array)

    def size(self, dim: int | None = None) -> Any:
        """The sizes, or the size of one dimension."""
        return self.shape if dim is None else self.shape[one_dim("size", dim, self.ndim)]

    def dim(self) -> int:
        """The number of dimensions."""
        return self.array.ndim

    def numel(self) -> int:
        """The number of elements."""
        return self.array.size

    def item(self) -> Any:
        """The only element, as a Python number. Raises ValueError if there is not exactly one."""
        if self.numel() != 1:
            raise ValueError(f"item() needs exactly one element, this tensor has shape {self.shape}")
        return self.array.item()

    def tolist(self) -> Any:
        """The elements as nested lists of Python numbers."""
        return self.array.tolist()

    def numpy(self, *, force: bool = False) -> Array:
        """The array itself, not a copy. Raises RuntimeError if a gradient flows here: use ``detach()`` first.

        ``force`` is another way to say that. Whoever changes the array says so with :meth:`touch`, or a graph that
        kept it computes wrong gradients.
        """
        if self.requires_grad and not force:
            raise RuntimeError("numpy() needs a tensor that requires no gradient: use t.detach().numpy()")
        if self.device != "cpu":
            if not force:
                raise TypeError(f"numpy() needs a tensor on the CPU, this one is on {self.device}: use t.cpu()")
            return kernels.moved(self.array, "cpu")  # type: ignore[no-any-return]
        return self.array

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.array(self.numpy(), dtype=dtype, copy=copy)

    # -- Python's protocols -----------------------------------------------------------------------------------

    def __repr__(self) -> str:
        array = kernels.moved(self.array, "cpu")
        whole = array.dtype.kind == "f" and bool(np.all(np.trunc(array) == array))
        text = np.array2string(
            array, separator=", ", prefix="tensor(", precision=0 if whole else 4, floatmode="fixed"
        )
        usual = self.array.dtype in (dtypes.float32, dtypes.int64, dtypes.bool_) and self.numel()
        notes = [f"size={self.shape}"] if not self.numel() and self.ndim > 1 else []
        if array is not self.array:
            notes.append(f"device={self.device!r}")
        if not usual:
            notes.append(f"dtype={self.array.dtype}")
        if self.grad_fn is not None:
            notes.append(f"grad_fn={self.grad_fn}")
        elif self.requires_grad:
            notes.append("requires_grad=True")
        return f"tensor({', '.join([text, *notes])})"

    def __dir__(self) -> list[str]:
        return [name for name in super().__dir__() if not isinstance(vars(Tensor).get(name), mistakes.Elsewhere)]

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec or not self.ndim else repr(self)

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError("a tensor without dimensions has no length")
        return self.shape[0]

    def __contains__(self, value: object) -> bool:
        if not isinstance(value, (bool, int, float, np.generic, Tensor)):
            raise TypeError(f"a tensor holds numbers, not {mistakes.described(value)}")
        found: Tensor = (self == value).any()
        return bool(found)

    def __iter__(self) -> Iterator[Tensor]:
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        if self.numel() != 1:
            raise ValueError(f"the truth of a tensor of shape {self.shape} is ambiguous: compare one element")
        return bool(self.item())

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        if self.dtype.kind not in "iu":
            raise TypeError(f"only an integer tensor can be an index, this one is {self.dtype}")
        return operator.index(self.item())


def is_tensor(obj: Any) -> bool:
    """Whether ``obj`` is a tensor.

    >>> import minigrad as mg
    >>> mg.is_tensor(mg.ones(2)), mg.is_tensor([1.0, 1.0])
    (True, False)
    """
    return isinstance(obj, Tensor)


mistakes.explain_other_names(Tensor)
graph.tensor_class = Tensor


def _copied(t: Tensor, dtype: Any, device: str) -> Array:
    """A copy of what a device holds, there or elsewhere."""
    found = t.detach() if dtype is None else cast(t.detach(), dtypes.dtype(dtype))
    copy: Array = kernels.moved(found.array, kernels.check_device(device))
    if copy is t.array:
        copy = kernels.duplicate(copy)
    return copy


def _array_of(data: Any, dtype: Any) -> Array:
    """A new array with a dtype that minigrad has."""
    if isinstance(data, Tensor):
        data = data.numpy(force=data.device == "cpu")
    elif isinstance(data, (list, tuple)):
        data = _plain(data)
    try:
        array = np.array(data)
    except ValueError as error:
        raise ValueError(f"tensor: {mistakes.ragged(data) or error}") from None
    if array.dtype.kind not in "biuf":
        raise TypeError(f"a tensor is made of numbers, these data are {array.dtype}: {data!r:.60}")
    with np.errstate(all="ignore"):  # what float32 cannot hold becomes Inf
        if dtype is not None:
            wanted = dtypes.dtype(dtype)
            if wanted.kind in "iu" and array.size and not isinstance(data, (np.ndarray, np.generic)):
                dtypes.check_fits("tensor", wanted, np.trunc(array.min()), np.trunc(array.max()))
            return array.astype(wanted)
        if array.dtype == np.float64 and not isinstance(data, (np.ndarray, np.generic)):
            return array.astype(dtypes.float32)  # Python floats
    return array.astype(dtypes.dtype(array.dtype), copy=False)


def _plain(data: Any) -> Any:
    """Nested sequences with tensors in them as nested sequences of numbers."""
    if isinstance(data, (list, tuple)):
        return [_plain(part) for part in data]
    return data.numpy(force=data.device == "cpu").tolist() if isinstance(data, Tensor) else data
