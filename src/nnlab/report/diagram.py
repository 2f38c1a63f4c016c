"""A network as an SVG drawing: one box a layer, arrows from the layers that feed it."""

from __future__ import annotations

from html import escape

from nnlab.model.summary import LayerRow, ModelSummary
from nnlab.wording import shape_text

BOX_WIDTH, BOX_HEIGHT, GAP_X, GAP_Y, MARGIN = 330, 86, 32, 34, 24

_COLORS = {  # fill and line by what a layer does
    "input": ("#f1f3f5", "#868e96"),
    "weights": ("#dbe9ff", "#3b6fc4"),
    "normalization": ("#dff3e4", "#3c8a52"),
    "scaling": ("#dff3e4", "#3c8a52"),
    "dropout": ("#ffe8d6", "#c2703d"),
    "shape": ("#f1f3f5", "#868e96"),
    "activation": ("#fdeef4", "#b5507d"),
}


def network_svg(summary: ModelSummary) -> str:
    """Draw a model, its input on top.

    Args:
        summary: the model's layers; each stands one row below the lowest layer that feeds it.

    Returns:
        A whole SVG document.
    """
    rows = summary.rows
    places = _places(rows)
    width = max(x for x, _ in places.values()) + BOX_WIDTH + MARGIN
    height = max(y for _, y in places.values()) + BOX_HEIGHT + MARGIN + 22
    arrows = [_arrow(places[name], places[row.name]) for row in rows for name in row.inputs]
    boxes = [_box(row, *places[row.name]) for row in rows]
    total = f"{summary.total_params:,} parameters, {summary.trainable_params:,} trainable"
    footer = f'<text x="{MARGIN}" y="{height - 12}" class="small">{total}</text>'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" font-family="system-ui, sans-serif">',
            "<style>.name{font-size:14px;font-weight:600;fill:#212529}.small{font-size:12px;fill:#495057}"
            ".arrow{stroke:#868e96;stroke-width:1.5;fill:none}</style>",
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
            'orient="auto"><path d="M0,0 L8,4 L0,8 z" fill="#868e96"/></marker></defs>',
            f'<rect width="{width}" height="{height}" fill="white"/>',
            *arrows,
            *boxes,
            footer,
            "</svg>",
            "",
        ]
    )


def _places(rows: list[LayerRow]) -> dict[str, tuple[int, int]]:
    """Give each layer the upper left corner of its box."""
    depth: dict[str, int] = {}
    for row in rows:  # inputs always stand before the layers that they feed
        depth[row.name] = 1 + max((depth.get(name, 0) for name in row.inputs), default=-1)
    seen: dict[int, int] = {}
    places = {}
    for row in rows:
        level = depth[row.name]
        column = seen.get(level, 0)
        seen[level] = column + 1
        places[row.name] = (MARGIN + column * (BOX_WIDTH + GAP_X), MARGIN + level * (BOX_HEIGHT + GAP_Y))
    return places


def _box(row: LayerRow, x: int, y: int) -> str:
    fill, stroke = _COLORS[row.role or ("weights" if row.params else "shape")]
    facts = [shape_text(row.output_shape)]
    if row.params:
        facts.append(f"{row.params:,} parameters" + ("" if row.trainable else ", frozen"))
    facts.append(row.name)
    lines = [" · ".join(facts), row.activation, f"starts from {row.initializer}" if row.initializer else None]
    texts = [
        f'<text x="{x + 14}" y="{y + 41 + 17 * i}" class="small">{escape(_cut(line, 48))}</text>'
        for i, line in enumerate(line for line in lines if line)
    ]
    return (
        f'<g><rect x="{x}" y="{y}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="7" fill="{fill}" stroke="{stroke}"/>'
        f'<text x="{x + 14}" y="{y + 22}" class="name">{escape(_cut(row.class_name, 34))}</text>{"".join(texts)}</g>'
    )


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _arrow(start: tuple[int, int], end: tuple[int, int]) -> str:
    """Draw from the lower edge of a box to the upper edge of another; past boxes in between, along a lane."""
    x1, y1 = start[0] + BOX_WIDTH // 2, start[1] + BOX_HEIGHT
    x2, y2 = end[0] + BOX_WIDTH // 2, end[1] - 2
    half = GAP_Y // 2
    lane, path = x1, f"M{x1},{y1}"
    if y2 - y1 > GAP_Y:
        lane = x1 if x1 != x2 else x1 + BOX_WIDTH // 2 + GAP_X // 2
        path += f" C{x1},{y1 + half} {lane},{y1 + half} {lane},{y1 + GAP_Y} V{y2 - GAP_Y}"
    return f'<path class="arrow" d="{path} C{lane},{y2 - half} {x2},{y2 - half} {x2},{y2}" marker-end="url(#tip)"/>'
