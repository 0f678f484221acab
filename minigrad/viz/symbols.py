"""One symbol for each value of a picture, so that a formula that speaks of it means the box that bears it.

A value has the name that the caller gave it, or else the one that the formula around it has, with a number where
several have the same: ``z₂ = a₁ W₂ᵀ + b₂``. A layer's parameters have one number. Gradients are called after what
they are the gradient of.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence

from minigrad.graph import Constant, Op, Source
from minigrad.ops.shape import Reshape
from minigrad.tensor import Tensor
from minigrad.viz import text
from minigrad.viz.names import Names, key_of
from minigrad.viz.recording import Call

#: Names of operands whatever they are: a parameter of a model has a better one of its own.
_ANYTHING = re.compile(r"[xyv]\d*|start|end")


class Symbols:
    """The symbols of everything in a picture.

    Args:
        calls: the operations, in order, with those before the picture begins.
        results: the ids of those that give the results.
        names: what the caller and the model call things; the caller's names stay as they are.
        gradients: gradients, with what each is the gradient of.
    """

    def __init__(
        self,
        calls: Sequence[Call],
        results: Container[int],
        names: Names,
        gradients: Sequence[tuple[Tensor, Source]],
    ) -> None:
        self.names = names
        self.found: dict[int, str] = {}
        self.taken: set[str] = set()
        self.owners: dict[str, int] = {}  # the number of each module, by its name
        self.last: Counter[str] = Counter()  # number of each word
        self.gradients = {key_of(gradient): source for gradient, source in reversed(gradients)}
        words, aside = _words(calls, names)
        read: set[int] = set()
        for call in reversed(calls):
            if call.is_recorded or id(call.op) in read or id(call.op) in results:
                read.update(map(id, call.edges))
            else:
                aside.add(id(call.op))
        unnamed: dict[int, tuple[Source, str]] = {}
        for key, (source, word) in words.items():
            if symbol := names.given(source):
                self._enter(key, symbol)
            elif key_of(source) not in self.gradients:
                unnamed[key] = source, self._own_word(source, word)
        late = {key: unnamed.pop(key) for key in [*unnamed] if key in aside or unnamed[key][1][:1] == "d"}
        self._number(unnamed)
        for key, (source, _) in words.items():
            if key_of(source) in self.gradients and key not in self.found:
                self._enter(key, self._numbered(source, self._derivative(source), 1))
        self._number(late)  # so that bookkeeping takes no number, and what a rule calls dz no name of a gradient

    def of(self, source: Source) -> str:
        """The symbol of what comes from there; "" of a number, which speaks for itself."""
        return self.found.get(id(source), "")

    def in_formula(self, source: Source) -> str:
        """What a formula says for it."""
        symbol = self.of(source)
        return symbol or (
            f"{source.value:.7g}" if isinstance(source, Constant) and source.value is not None else ""
        )

    def note(self, op: Op) -> str:
        """Which parameter of the model it is the gradient of, if it is one's."""
        target = self.gradients.get(key_of(op))
        name = self.names.of(target) if isinstance(target, Tensor) else ""
        return f"the gradient of {name}" if name else ""

    def _number(self, unnamed: Mapping[int, tuple[Source, str]]) -> None:
        counts = Counter(word for _, word in unnamed.values())
        for key, (source, word) in unnamed.items():
            self._enter(key, self._numbered(source, word, counts[word]))

    def _derivative(self, source: Source) -> str:
        """What a gradient is called."""
        target = self.gradients[key_of(source)]
        symbol = self.of(target) or self.names.given(target) or self.names.of(target)
        return f"d{symbol}" if re.fullmatch(r"\w*", symbol) else f"d({symbol})"

    def _enter(self, key: int, symbol: str) -> None:
        self.found[key] = symbol
        self.taken.add(symbol)

    def _own_word(self, source: Source, word: str) -> str:
        """The word in the formula, or the last part of a parameter's name where the word says nothing."""
        if isinstance(source, Constant) and source.value is not None:
            return ""
        name = self.names.of(source)
        if not name:
            return word
        owner, _, last = name.rpartition(".")
        self.owners.setdefault(owner, len(self.owners) + 1)
        return last if _ANYTHING.fullmatch(word) else word

    def _numbered(self, source: Source, word: str, count: int) -> str:
        """The word with a number, unless nothing else is called so."""
        if not word or (count == 1 and word not in self.taken):
            return word
        name = self.names.of(source)
        number = self.owners[name.rpartition(".")[0]] if name else self.last[word] + 1
        while (symbol := text.numbered(word, number)) in self.taken:
            number += 1
        if not name:
            self.last[word] = number
        return symbol


def _words(calls: Iterable[Call], names: Names) -> tuple[dict[int, tuple[Source, str]], set[int]]:
    """Everything that is read or computed, with its name in a formula: that of its first use, or of its maker.

    And the ids of reshapes of parameters, which are called what the formula that reads the reshape calls them.
    """
    found: dict[int, tuple[Source, str]] = {}
    reshaped: dict[int, int] = {}  # by the id of a reshape, that of the parameter
    for call in calls:
        for word, edge in call.inputs():
            if (leaf := reshaped.get(id(edge))) is not None:
                found[leaf] = found[leaf][0], word
            found.setdefault(id(edge), (edge, edge.output if isinstance(edge, Op) else word))
            if isinstance(call.op, Reshape) and not isinstance(edge, Op) and names.of(edge):
                reshaped[id(call.op)] = id(edge)
        found[id(call.op)] = call.op, call.op.output
    return found, set(reshaped)
