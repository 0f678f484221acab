"""Versions: how often a piece of memory has been changed in place, and when, among the operations recorded."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING

from minigrad.lines import Place

if TYPE_CHECKING:
    from minigrad.tensor import Tensor

#: Numbers nodes as they are recorded, and changes in place among them.
order = itertools.count()


class Version:
    """Counts the changes made in place to one piece of memory; a tensor and its views share one."""

    __slots__ = ("changed", "place", "value", "views")

    def __init__(self) -> None:
        self.value = 0
        self.changed = -1  # the number that a node recorded at the last change would have had
        self.place: Place | None = None  # the user's code that made it
        self.views: Sequence[weakref.ref[Tensor]] = ()  # recorded ones, which follow when their base is changed

    def count(self, place: Place | None) -> None:
        """Enter one change, and where the user's code made it."""
        self.value += 1
        self.changed = next(order)
        self.place = place

    def add_view(self, view: Tensor) -> None:
        """Remember a view for as long as it lives."""
        views = self.views if isinstance(self.views, list) else []
        if len(views) % 64 == 63:  # now and then, forget those that are gone
            views = [each for each in views if each() is not None]
        views.append(weakref.ref(view))
        self.views = views


#: The version of what is made in inference_mode(), where nobody counts.
UNCOUNTED = Version()
