"""Lines as Graphviz has them: cubic Bézier curves, each of which begins where the one before ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Points = np.ndarray[Any, np.dtype[np.float64]]  # a point, then three for each curve
Box = tuple[float, float, float, float]  # left, lower, right and upper side: in DOT y points upwards

CORNER = 6.0  # the radius where a line turns, in points
NEAR = 4.0  # how far from a line its control points may be


def split(curve: Points, x: float) -> tuple[Points, Points]:
    """A line of cubic curves up to where it passes ``x`` for the last time, and from there on (de Casteljau)."""
    starts = [i for i in range(0, len(curve) - 3, 3) if (curve[i, 0] < x) != (curve[i + 3, 0] < x)]
    if not starts:  # it ends before, at a head of an arrow
        point = curve[0] if curve[0, 0] >= x else curve[-1]
        here = np.repeat(point[None], 4, axis=0)
        return (here, curve) if curve[0, 0] >= x else (curve, here)
    i = starts[-1]
    low, high = 0.0, 1.0
    rises = curve[i, 0] < x
    for _ in range(30):
        t = (low + high) / 2
        first, second = _halves(curve[i : i + 4], t)
        low, high = (t, high) if (first[3, 0] < x) == rises else (low, t)
    return np.concatenate([curve[:i], first]), np.concatenate([second, curve[i + 4 :]])


def extent(curve: Points) -> Box:
    """About what a line takes: less than its control points, which are beside it."""
    t = np.linspace(0, 1, 17)[:, None, None]
    a, b, c, d = (curve[start : len(curve) - 3 + start : 3] for start in range(4))
    points = ((1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * b + 3 * (1 - t) * t**2 * c + t**3 * d).reshape(-1, 2)
    (left, low), (right, high) = points.min(0).tolist(), points.max(0).tolist()
    return left, low, right, high


def tight(curve: Points) -> Points:
    """The same line in more curves, so that no control point is far from it: Graphviz leaves room for these."""
    found = [curve[:1]]
    waiting = [curve[i : i + 4] for i in reversed(range(0, len(curve) - 3, 3))]
    while waiting:
        part = waiting.pop()
        box, (low, high) = extent(part), (part.min(0), part.max(0))
        if max(box[0] - low[0], box[1] - low[1], high[0] - box[2], high[1] - box[3]) > NEAR:
            waiting += reversed(_halves(part, 0.5))
        else:
            found.append(part[1:])
    return np.concatenate(found)


def bend(curve: Points) -> float:
    """How far from straight across a line is."""
    return float(abs(curve[-1, 1] - curve[0, 1]))


def _halves(points: Points, t: float) -> tuple[Points, Points]:
    """One cubic curve as two, by de Casteljau's construction."""
    left, right, level = [points[0]], [points[-1]], points
    while len(level) > 1:
        level = level[:-1] * (1 - t) + level[1:] * t
        left.append(level[0])
        right.append(level[-1])
    return np.array(left), np.array(right[::-1])


def rounded(corners: Sequence[Any]) -> Points:
    """A line through corners, these rounded, as cubic curves."""
    points = np.array(corners, float)
    found = [points[:1]]
    here = points[0]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        sizes = [np.abs(corner - before).sum(), np.abs(after - corner).sum()]
        radius = min(CORNER, *(size / 2 for size in sizes))
        into = corner + (before - corner) * (radius / sizes[0] if sizes[0] else 0)
        out = corner + (after - corner) * (radius / sizes[1] if sizes[1] else 0)
        found.append(_straight(here, into))
        found.append(np.array([into + (corner - into) * 0.55, out + (corner - out) * 0.55, out]))
        here = out
    return np.concatenate([*found, _straight(here, points[-1])])


def _straight(start: Points, end: Points) -> Points:
    return np.array([start + (end - start) / 3, start + (end - start) * 2 / 3, end])
