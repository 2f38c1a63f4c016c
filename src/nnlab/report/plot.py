"""Line plots as SVG or PNG files: small panels side by side, the same look everywhere."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from nnlab.errors import NnlabError
from nnlab.outputs import check_output, is_stream, write_output

if TYPE_CHECKING:
    import numpy.typing as npt
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Legend = Literal["top", "right"]

COLORS = (
    "#2563b8", "#d9480f", "#2b8a3e", "#ae3ec9", "#e8a200", "#0b9aa8", "#c2255c", "#6b4f3a", "#7a8290", "#5f3dc4",
)  # fmt: skip
DASHES: tuple[Any, ...] = ("solid", (0, (4, 2)), (0, (1, 1.3)), (0, (5, 1.5, 1, 1.5)))

_STYLE: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": "#adb5bd",
    "axes.grid": True,
    "axes.labelcolor": "#495057",
    "axes.labelsize": 9,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "font.family": "DejaVu Sans",  # comes with Matplotlib, so that pictures are the same on every machine
    "grid.color": "#e9ecef",
    "grid.linewidth": 0.8,
    "legend.fontsize": 9.5,
    "legend.frameon": False,
    "lines.linewidth": 1.9,
    "lines.solid_capstyle": "round",
    "svg.fonttype": "path",
    "svg.hashsalt": "nnlab",  # names inside the file are drawn at random without it
    "text.color": "#212529",
    "xtick.color": "#ced4da",
    "xtick.labelcolor": "#495057",
    "xtick.labelsize": 8.5,
    "ytick.color": "#ced4da",
    "ytick.labelcolor": "#495057",
    "ytick.labelsize": 8.5,
}


@dataclass(frozen=True, slots=True)
class Series:
    """A line through points.

    Args:
        x: where; shape `(n,)`.
        y: how high; shape `(n,)`, NaN where the line has a gap.
        name: what the legend calls it; lines of one name share an entry.
        color: number of its color, from 0.
        dash: number of its dashes, 0 for none.
        low: the lower end of a band about the line; shape `(n,)`.
        high: the upper end.
        points: whether to mark the points.
        joined: whether a line joins them.
    """

    x: npt.ArrayLike
    y: npt.ArrayLike
    name: str = ""
    color: int = 0
    dash: int = 0
    low: npt.ArrayLike | None = None
    high: npt.ArrayLike | None = None
    points: bool = False
    joined: bool = True


@dataclass(frozen=True, slots=True)
class Panel:
    """One pair of axes with its lines.

    Args:
        series: the lines, the last one on top.
        title: stands above it.
        note: stands below the title, smaller.
        x_label: what x is, with its unit.
        y_label: what y is, with its unit.
        log_x: whether x is logarithmic.
        y_limits: the smallest and largest y to show; default: all.
        origin: whether to mark the lines x = 0 and y = 0.
    """

    series: Sequence[Series]
    title: str = ""
    note: str = ""
    x_label: str = ""
    y_label: str = ""
    log_x: bool = False
    y_limits: tuple[float, float] | None = None
    origin: bool = False


def check_plot_path(path: Path) -> None:
    """Tell whether a plot can be written there, before the work of making it.

    Raises:
        NnlabError: the file's name ends in neither `.svg` nor `.png`, or it cannot be written.
    """
    _kind(path)
    check_output(path)


def _kind(path: Path) -> Literal["svg", "png"]:
    """Return what a file is to hold; a device or a pipe, whose name says nothing, gets SVG."""
    suffix = path.suffix.lower()
    if suffix not in (".svg", ".png") and not is_stream(path):
        raise NnlabError(
            f"the plot `{path}` is neither an SVG nor a PNG file", hint=f"write `--plot {path.with_suffix('.svg')}`"
        )
    return "png" if suffix == ".png" else "svg"


def write_plot(path: Path, panels: Sequence[Panel], *, legend: Legend = "top") -> None:
    """Draw panels into a file; the same panels give the same file, byte for byte.

    Args:
        path: ends in `.svg` or `.png`.
        panels: from left to right, row by row.
        legend: where the names of the lines stand: `top` or `right`.

    Raises:
        NnlabError: the file cannot be written.

    Example:
        >>> write_plot(Path("loss.svg"), [Panel([Series([1, 2, 3], [0.9, 0.5, 0.4], "training")], "loss")])
    """
    write_figure(path, lambda: panels_figure(panels, legend=legend))


def write_figure(path: Path, make: Callable[[], Figure]) -> None:
    """Draw a figure into a file in the look that all plots have; the same figure gives the same file, byte for byte.

    Args:
        path: ends in `.svg` or `.png`.
        make: makes the figure, within the style.

    Raises:
        NnlabError: the file cannot be written.
    """
    check_plot_path(path)
    write_output(path, _drawn(_kind(path), make))


def warm_up() -> None:
    """Draw a plot nowhere, so that the ones to come find Matplotlib's modules, fonts and parsers loaded."""
    _drawn("svg", lambda: panels_figure([Panel([Series([1, 10], [0, 1], "line")], "title", log_x=True)]))


def _drawn(kind: str, make: Callable[[], Figure]) -> bytes:
    """Return the file of a figure."""
    import matplotlib as mpl

    content = io.BytesIO()
    metadata = {"Date": None} if kind == "svg" else {"Software": None}
    # the user's own style would change the picture; the backend is not ours to change
    defaults: dict[Any, Any] = {name: value for name, value in mpl.rcParamsDefault.items() if name != "backend"}
    with mpl.rc_context({**defaults, **_STYLE}):
        make().savefig(content, format=kind, dpi=150, metadata=metadata)
    return content.getvalue()


def _columns(panels: int) -> int:
    """Choose how many panels stand in a row: few holes at the end, and somewhat wider than high."""
    if panels <= 3:
        return panels
    fewest = round(math.sqrt(panels))
    return min(range(fewest, fewest + 3), key=lambda n: (-panels % n, abs(n - math.sqrt(1.3 * panels))))


def blank_figure(width: float, height: float) -> Figure:
    """Return a figure with nothing in it, so many inches large."""
    from matplotlib.figure import Figure

    return Figure((width, height), layout="constrained", facecolor="white")


def panels_figure(panels: Sequence[Panel], *, legend: Legend = "top") -> Figure:
    """Make the figure of panels; see `write_plot`."""
    columns = _columns(len(panels))
    rows = math.ceil(len(panels) / columns)
    width, height = {1: (6.0, 4.2), 2: (4.6, 3.7), 3: (3.6, 3.0)}.get(columns, (2.75, 2.4))
    names = dict.fromkeys(series.name for panel in panels for series in panel.series if series.name)
    beside = math.ceil(len(names) / 18) if legend == "right" else 0
    legend_width = beside * (0.7 + 0.085 * max(map(len, names), default=0))
    figure = blank_figure(width * columns + legend_width, height * rows + 0.3)
    figure.get_layout_engine().set(w_pad=0.1, h_pad=0.1)  # type: ignore[call-arg, union-attr]
    for i, panel in enumerate(panels):
        axes = figure.add_subplot(rows, columns, i + 1)
        _title(axes, panel, height=18 if any(each.note for each in panels) else 7, longest=int(13 * width))
        _draw(axes, panel)
    handles = {str(handle.get_label()): handle for axes in figure.axes for handle in axes.get_lines()}
    if names:
        lines = [handles[name] for name in names]
        place: Literal["outside right center", "outside upper right"]
        place = "outside right center" if beside else "outside upper right"
        figure.legend(lines, list(names), loc=place, ncols=beside or len(names), handlelength=2.6)
    return figure


def _title(axes: Axes, panel: Panel, *, height: float, longest: int) -> None:
    axes.set_title(panel.title, loc="left", pad=height)
    note = panel.note if len(panel.note) <= longest else panel.note[: longest - 1] + "…"
    place = {"xy": (0, 1), "xycoords": "axes fraction", "xytext": (0, 5), "textcoords": "offset points"}
    axes.annotate(note, **place, fontsize=8.5, color="#495057")  # type: ignore[arg-type]


def _draw(axes: Axes, panel: Panel) -> None:
    axes.set_xlabel(panel.x_label)
    axes.set_ylabel(panel.y_label)
    if panel.log_x:
        axes.set_xscale("log")
    else:
        axes.locator_params(axis="x", nbins=6)
    axes.margins(x=0)
    bands = sum(line.low is not None for line in panel.series)
    for line in panel.series:
        color, dash = COLORS[line.color % len(COLORS)], DASHES[line.dash % len(DASHES)]
        dash = dash if line.joined else "none"
        (drawn,) = axes.plot(line.x, line.y, color=color, linestyle=dash, label=line.name or "_")
        if line.low is not None and line.high is not None:
            axes.fill_between(line.x, line.low, line.high, color=color, alpha=min(0.15, 0.5 / bands), linewidth=0)
        if line.points or len(drawn.get_xdata()) == 1:  # type: ignore[arg-type]
            drawn.set_marker("o")  # a line through one point would not be seen
            drawn.set_markersize(4)
    if panel.y_limits is not None:
        axes.set_ylim(panel.y_limits)
    if panel.origin:
        axes.axhline(0, color="#adb5bd", linewidth=0.9, zorder=1)
        axes.axvline(0, color="#adb5bd", linewidth=0.9, zorder=1)
