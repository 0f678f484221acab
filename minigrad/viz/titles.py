"""DOT text with positions -> the same, with the titles of frames where no edge runs across them.

Graphviz leads edges around boxes, but not around the titles of frames, and draws edges above these. So a title
that is crossed moves along the upper side of its frame to the first place without an edge; where there is none, it
becomes a box in the colour of the frame, above the edges.
"""

from __future__ import annotations

import re

import numpy as np

from minigrad.viz.curves import Points
from minigrad.viz.strip import LABEL, point

GAP = 3.0  # points between a title and an edge
SIDE = 8.0  # points between a title and the end of its frame

HALF = 14.0  # half the width of a label, at least

_INCH = 72.0
_SAME = "(?:(?!subgraph ).)*?"  # something of the same frame
_TITLE = re.compile(
    rf'subgraph (cluster_\w+) \{{\s*graph \[bb="(?P<frame>[^"]*)"{_SAME}fillcolor="(?P<fill>[^"]*)",'
    rf"\s*label=<(?P<label>{_SAME})>,\s*labeljust=l,\s*lheight=(?P<height>[\d.]+),"
    r'\s*lp="(?P<x>[^",]*),(?P<y>[^"]*)",\s*lwidth=(?P<width>[\d.]+)',
    re.DOTALL,
)
_CURVES = re.compile(r'\bpos="([^"]* [^"]*)"')  # a box has one point


def uncross(laid: str) -> str:
    """``laid``, in which everything has its place, with titles that no edge crosses."""
    laid = laid.replace("\\\n", "")  # Graphviz breaks long lines
    edges = np.concatenate([_points(laid), _labels(laid)])
    boxes: list[str] = []

    def placed(title: re.Match[str]) -> str:
        x, y = float(title["x"]), float(title["y"])
        width, height = float(title["width"]) * _INCH, float(title["height"]) * _INCH
        left, last = x - width / 2, float(title["frame"].split(",")[2]) - SIDE - width
        place = left
        for crossing in np.sort(edges[np.abs(edges[:, 1] - y) < height / 2, 0]).tolist():
            if place - GAP < crossing < place + width + GAP:
                place = crossing + GAP
        if place > max(left, last):
            boxes.append(_box(title))
            return title[0].replace(f"label=<{title['label']}>", 'label=""')
        return title[0].replace(f'lp="{title["x"]},', f'lp="{place + width / 2:.2f},')

    laid = _TITLE.sub(placed, laid)
    if not boxes:
        return laid
    return f"{laid.rstrip().removesuffix('}')}\tgraph [outputorder=edgesfirst];\n{''.join(boxes)}}}\n"


def _box(title: re.Match[str]) -> str:
    """A title as a node, with the paper of its frame behind it."""
    table = '<table border="0" cellborder="0" cellspacing="0" cellpadding="0"'
    label = f'<{table} bgcolor="{title["fill"]}"><tr><td>{title["label"]}</td></tr></table>>'
    size = f"width={title['width']}, height={title['height']}"
    return f'\ttitle_of_{title[1]} [label={label}, pos="{title["x"]},{title["y"]}", {size}];\n'


def _labels(laid: str) -> Points:
    """Points across the labels of edges, of which Graphviz tells only the middle."""
    across = np.stack([np.linspace(-HALF, HALF, 25), np.zeros(25)], axis=1)
    places = [np.array(point(place)) + across for place in LABEL.findall(laid)]
    return np.concatenate([np.empty((0, 2)), *places])


def _points(laid: str) -> Points:
    """Points of all edges, less than a point from one another."""
    found = [np.empty((0, 2))]
    for curves in _CURVES.findall(laid):
        for curve in curves.split(";"):
            ends = [point.split(",")[-2:] for point in curve.split() if point[0] not in "es"]
            corners = np.array(ends, float)
            for part in (corners[i : i + 4] for i in range(0, len(corners) - 3, 3)):
                length = np.abs(np.diff(part, axis=0)).sum()
                t = np.linspace(0, 1, int(length) + 2)[:, None]
                u = 1 - t
                found.append(u**3 * part[0] + 3 * u * u * t * part[1] + 3 * u * t * t * part[2] + t**3 * part[3])
    return np.concatenate(found)
