"""The results of `hubbub bench` as a table, a JSON file and a plot."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from hubbub.cli.bench.errors import BenchError
from hubbub.cli.bench.process import machine
from hubbub.cli.bench.result import STEP_S, Result

BUSY = 0.9
"""Share of a core from which on the generator may be what is measured."""

ACCENT = "#c2410c"
PLOT_SUFFIXES = (".svg", ".png")


ELSEWHERE = 0.25
"""Cores busy with other processes from which on a result is worth a remark."""


def number(value: float | None) -> str:
    """`value` with three digits, as 0.25, 31.4, 4,096, 31.4k or 2.5M; – if there is none."""
    if value is None:
        return "–"
    if value >= 999_500:
        return f"{value / 1e6:.3g}M"
    if value >= 9_999.5:
        return f"{value / 1e3:.3g}k"
    return f"{value:,.0f}" if value >= 99.5 else f"{value:.3g}"


def percent(share: float | None) -> str:
    """A share of a core."""
    return "–" if share is None else f"{share:.0%}"


def console(*, stderr: bool = False) -> Console:
    """A console whose tables stay whole where there is no terminal that could be too narrow."""
    view = Console(stderr=stderr)
    return view if view.is_terminal else Console(stderr=stderr, width=132)


def grid(title: str, columns: Mapping[str, Sequence[str]]) -> Table:
    """A table of `columns` by heading, the first to the left, the others to the right."""
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    for index, heading in enumerate(columns):
        table.add_column(heading, justify="right" if index else "left", no_wrap=True)
    for row in zip(*columns.values(), strict=True):
        table.add_row(*row)
    return table


def table(url: str, results: Sequence[Result]) -> Table:
    """One row per result, without the columns that are empty for all of them."""
    columns = {
        "shape": [result.shape for result in results],
        "connections": [f"{result.connections:,}" for result in results],
        "connects/s": [number(result.connects_per_s) for result in results],
        "deliveries/s": [number(result.deliveries_per_s) for result in results],
        "p50 ms": [number(result.latency_ms(50)) for result in results],
        "p99 ms": [number(result.latency_ms(99)) for result in results],
        "max ms": [number(result.latency_ms(100)) for result in results],
        "all in ms": [number(result.all_in_ms) for result in results],
        "bytes each": [number(result.bytes_per_connection) for result in results],
        "CPU": [percent(result.usage.server_cpu) for result in results],
        "load CPU": [percent(result.usage.generator_cpu) for result in results],
        "missing": [f"{result.missing:,}" for result in results],
    }
    return grid(url, {key: cells for key, cells in columns.items() if set(cells) != {"–"}})


def remarks(results: Sequence[Result]) -> Iterator[str]:
    """What a reader must know beside the numbers."""
    for result in results:
        yield from result.notes
    busy = [result.usage.elsewhere or 0.0 for result in results]
    if any(share >= ELSEWHERE for share in busy):
        runs = sum(share >= ELSEWHERE for share in busy)
        yield (
            f"in {runs} of {len(busy)} runs other processes kept up to {max(busy):.1f} cores busy: "
            "do not compare these numbers"
        )
    for result in results:
        server = result.usage.server_cpu
        if result.usage.generator_cpu >= BUSY and server is not None and server < BUSY:
            yield f"in {result.shape} the generator was the limit, not the server"


def document(url: str, results: Sequence[Result]) -> dict[str, Any]:
    """What the JSON file holds."""
    return {"url": url, "machine": machine(), "results": [asdict(result) for result in results]}


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write `content`, readable for people too. Raises BenchError if the file cannot be written."""
    try:
        path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise BenchError(f"cannot write {path}: {error.strerror}") from None


def pyplot() -> Any:
    """matplotlib without a screen. Raises BenchError if it is not installed."""
    try:
        import matplotlib
    except ImportError:
        text = "a plot needs matplotlib: pip install 'hubbub[bench]'"
        raise BenchError(text) from None
    matplotlib.use("agg")
    from matplotlib import pyplot

    return pyplot


def check_plot(path: Path) -> None:
    """Raise BenchError, before anything is measured, if no plot can be written to `path`."""
    if path.suffix not in PLOT_SUFFIXES:
        raise BenchError(f"a plot ends in {' or '.join(PLOT_SUFFIXES)}, not {path.name!r}")
    pyplot()


def save(figure: Any, path: Path) -> None:
    """Write a figure. Raises BenchError if the file cannot be written."""
    try:
        figure.savefig(path, dpi=150, bbox_inches="tight")
    except OSError as error:
        raise BenchError(f"cannot write {path}: {error.strerror}") from None


def write_plot(path: Path, url: str, results: Sequence[Result]) -> None:
    """A panel per result: its rate over the run, or how its latencies are distributed."""
    plot = pyplot()
    figure, panels = plot.subplots(
        len(results), 1, figsize=(8, 2.6 * len(results)), squeeze=False, layout="constrained"
    )
    figure.suptitle(url)
    for axes, result in zip(panels[:, 0], results, strict=True):
        if result.quantiles_ms:
            axes.plot([index / 10 for index in range(1001)], result.quantiles_ms, color=ACCENT)
            axes.set(xlabel="percent of the deliveries", ylabel="ms or less", yscale="log")
            axes.yaxis.set_major_formatter("{x:g}")
            axes.yaxis.set_minor_formatter("{x:g}")
        else:
            label = "connections" if result.deliveries_per_s is None else "deliveries/s"
            seconds = [STEP_S * (index + 1) for index in range(len(result.series))]
            axes.plot(seconds, result.series, color=ACCENT, marker=".")
            axes.set(xlabel="s", ylabel=label, ylim=(0, None))
            axes.yaxis.set_major_formatter("{x:,.0f}")
        axes.set_title(f"{result.shape}: {result.connections:,} connections", loc="left")
        axes.grid(alpha=0.3)
    save(figure, path)
    plot.close(figure)
