"""The comparison as tables and as a picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.table import Table

from benchmarks import results as measures
from benchmarks.results import GOALS, Goal, Measure, Results
from benchmarks.servers import SERVERS
from hubbub.cli.bench import report
from hubbub.cli.bench.report import grid, number, percent
from hubbub.cli.bench.shapes import SHAPES, Kind

BASES = ("bun", "tutorial", "socketio-json")
PEER_COLOUR = "#94a3b8"
MAIN: dict[Kind, tuple[Measure, str]] = {
    Kind.CLOSED: (measures.deliveries, "deliveries/s"),
    Kind.IDLE: (measures.idle_bytes, "bytes each"),
    Kind.PACED: (measures.p99, "p99 ms"),
    Kind.JOIN: (measures.longest, "longest wait ms"),
}
BESIDE: dict[Kind, Sequence[tuple[Measure, str]]] = {
    Kind.CLOSED: (),
    Kind.IDLE: ((measures.connections, "connections"), (measures.connects, "connects/s")),
    Kind.PACED: ((measures.p50, "p50 ms"), (measures.deliveries, "deliveries/s")),
    Kind.JOIN: ((measures.p50, "p50 ms"), (measures.all_in, "all in ms")),
}


def tables(results: Results, servers: Sequence[str], shapes: Sequence[str]) -> Iterator[Table]:
    """One per shape, and the targets of the servers that were asked for."""
    for shape in shapes:
        takers = [name for name in servers if SERVERS[name].takes(SHAPES[shape])]
        if takers:
            yield _shape_table(results, takers, shape)
    goals = [goal for goal in GOALS if goal.server in servers]
    if goals:
        yield _goal_table(results, goals)


def _shape_table(results: Results, servers: Sequence[str], shape: str) -> Table:
    main, unit = MAIN[SHAPES[shape].kind]
    rows = [name for name in servers if results.values(name, shape, main)]

    def medians(measure: Measure) -> list[str]:
        return [number(results.median(name, shape, measure)) for name in rows]

    def shares(measure: Measure) -> list[str]:
        return [percent(results.median(name, shape, measure)) for name in rows]

    columns = {"server": rows, unit: medians(main)}
    columns["min to max"] = [_span(results.values(name, shape, main)) for name in rows]
    for base in (base for base in BASES if base in rows and len(rows) > 1):
        columns[f"× {base}"] = [number(results.ratio(name, base, shape, main)) for name in rows]
    for measure, heading in BESIDE[SHAPES[shape].kind]:
        columns[heading] = medians(measure)
    columns["CPU"] = shares(measures.server_cpu)
    columns["load CPU"] = shares(measures.generator_cpu)
    columns["missing"] = [
        f"{sum(results.values(name, shape, measures.missing)):,.0f}" for name in rows
    ]
    for name in servers:
        if name not in rows:
            for heading, cells in columns.items():
                cells.append(name if heading == "server" else "–")
    columns["server"] = [
        f"[bold]{name}[/]" if SERVERS[name].ours else name for name in columns["server"]
    ]
    return grid(f"{shape}: {SHAPES[shape].about}", columns)


def _span(values: Sequence[float]) -> str:
    return f"{number(min(values))} to {number(max(values))}"


def _goal_table(results: Results, goals: Sequence[Goal]) -> Table:
    reached = [goal.reached(results) for goal in goals]
    verdicts = [
        "not measured"
        if value is None
        else "[green]met[/]"
        if goal.met(value)
        else "[red]missed[/]"
        for goal, value in zip(goals, reached, strict=True)
    ]
    columns = {
        "target": [f"{goal.server}, {goal.shape}" for goal in goals],
        "wanted": [goal.wanted for goal in goals],
        "measured": [number(value) for value in reached],
        "": verdicts,
    }
    return grid("targets", columns)


def remarks(results: Results) -> Iterator[str]:
    """What the tables leave out: what did not run or failed, and what the runs noted."""
    for server, why in results.unavailable.items():
        yield f"{server} was not run: {why}"
    for (server, shape), reasons in results.failures.items():
        for why in dict.fromkeys(reasons):
            yield f"{server} failed in {shape}: {why}"
    every = [run for runs in results.runs.values() for run in runs]
    yield from dict.fromkeys(report.remarks(every))


def write_plots(
    results: Results, servers: Sequence[str], shapes: Sequence[str], paths: Sequence[Path]
) -> None:
    """A panel per shape, a bar per server. Raises BenchError without matplotlib."""
    plot = report.pyplot()
    columns = min(3, len(shapes))
    rows = -(-len(shapes) // columns)
    size = (4.6 * columns, (0.9 + 0.32 * len(servers)) * rows)
    figure, panels = plot.subplots(
        rows, columns, figsize=size, squeeze=False, layout="constrained", sharey=True
    )
    for axes in panels.flat[len(shapes) :]:
        axes.set_visible(False)
    for axes, shape in zip(panels.flat, shapes, strict=False):
        main, unit = MAIN[SHAPES[shape].kind]
        medians = [results.median(name, shape, main) for name in servers]
        colours = [report.ACCENT if SERVERS[name].ours else PEER_COLOUR for name in servers]
        bars = axes.barh(
            [SERVERS[name].about for name in servers],
            [value or 0 for value in medians],
            color=colours,
        )
        axes.bar_label(bars, [number(value) for value in medians], padding=3, fontsize=8)
        axes.set_title(f"{SHAPES[shape].about}\n{unit}", loc="left", fontsize=9)
        axes.margins(x=0.2)  # room for the numbers, which stand for the ticks
        axes.xaxis.set_visible(False)
        axes.tick_params(labelsize=8)
        axes.spines[["top", "right", "bottom"]].set_visible(False)
    panels[0, 0].invert_yaxis()
    for path in paths:
        report.save(figure, path)
    plot.close(figure)
