"""An optimiser's step in a graph of the GPU: repeated by ``mg.cuda.graph``, with the numbers of the next step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from minigrad import kernels
from minigrad.lines import users_place

if TYPE_CHECKING:
    from minigrad.optim.optimizer import Group, Optimizer, State, Update
    from minigrad.tensor import Tensor


def check_repeatable(optimizer: Optimizer, steps: Iterable[tuple[Tensor, Group]]) -> None:
    """Raise RuntimeError for a step that a graph, which takes notes, could not repeat."""
    name = type(optimizer).__name__
    if optimizer.composed:
        raise RuntimeError(
            f"mg.cuda.graph: {name} is made of operations, whose numbers a graph would repeat: take another one"
        )
    for p, group in steps:
        if type(p.array) not in kernels.placed:
            raise RuntimeError(f"mg.cuda.graph: {name} has parameters on the CPU, which no graph changes")
        if any(optimizer.state.get(p, {}).get(each) is None for each in optimizer.remembers(group)):
            raise RuntimeError(
                f"mg.cuda.graph: this is the first step of {name}, which makes what it remembers; a graph would "
                "make it again and again: let warmup be at least 1"
            )


def note(optimizer: Optimizer, notes: Any, updates: list[Update]) -> None:
    """Have a graph take the step: before each replay the counts and numbers of the next are worked out."""
    repeated, first = [], notes.count
    with kernels.together():
        for update in updates:
            count = notes.count
            with _counts_kept([update]):  # nothing is done yet
                optimizer.update_all([update])
            if notes.count > count or not update[0].numel():  # else its kernels take no numbers anew
                repeated.append(update)
    taken = notes.count - first
    arrays = [p.array for p, *_ in updates]
    groups = {id(group): (group, optimizer.remembers(group)) for *_, group in updates}.values()
    counts = any(isinstance(value, int) for _, _, state, _ in updates for value in state.values())
    known: list[Any] = []  # the hyper-parameters of the last replay
    now: list[Any] = []  # of this one

    def check() -> None:
        now[:] = [group[name] for group, _ in groups for name in optimizer.defaults]
        same = all(optimizer.remembers(group) == names for group, names in groups)
        same &= all(any(group is own for own in optimizer.param_groups) for group, _ in groups)
        for (p, _, state, _), array in zip(updates, arrays, strict=True):
            same &= p.array is array and optimizer.state.get(p, state) is state
        if not same:
            raise RuntimeError(
                f"mg.cuda.graph: {type(optimizer).__name__} has another state or other options, or its parameters "
                "have moved, since the graph was captured, which would change the old ones: capture it again"
            )
        for group, _ in groups if now != known else ():
            optimizer.check(group)

    def work(notes: Any) -> None:
        place = users_place(3)
        if now == known and not counts:  # the numbers are those that the device has
            notes.skip(taken)
            for p, *_ in repeated:
                p.touch(place)
            return
        with _counts_kept(repeated) as kept:
            optimizer.update_all(repeated, place)
            kept.clear()
        known[:] = now

    notes.before_replay(check, work)


@contextmanager
def _counts_kept(updates: Iterable[Update]) -> Iterator[list[tuple[State, State]]]:
    """What a step counts is as before after the ``with``, except for what has been taken from the list by then."""
    counts = [(state, {name: n for name, n in state.items() if isinstance(n, int)}) for _, _, state, _ in updates]
    try:
        yield counts
    finally:
        for state, before in counts:
            state.update(before)
