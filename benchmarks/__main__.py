"""`python -m benchmarks`: every server under every shape, interleaved, round after round."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from benchmarks import report
from benchmarks.results import Results
from benchmarks.servers import GROUPS, SERVERS, Cores, Unavailable, running, versions
from hubbub.cli.bench import load
from hubbub.cli.bench.errors import BenchError
from hubbub.cli.bench.process import machine, raise_file_limit
from hubbub.cli.bench.report import console as console_for_tables
from hubbub.cli.bench.report import number, write_json
from hubbub.cli.bench.shapes import SHAPES, Kind

RESULTS = Path(__file__).parent / "results"
QUICK_FILES = 2_200
"""What a process may open with --quick: 2,000 idle connections."""


def main(
    quick: Annotated[bool, typer.Option(help="One short round, to see that all runs.")] = False,
    group: Annotated[str, typer.Option(help="Groups of servers, with commas.")] = ",".join(GROUPS),
    only: Annotated[str, typer.Option(help="Servers of these groups, with commas.")] = "",
    shapes: Annotated[str, typer.Option(help="Shapes, with commas.")] = ",".join(SHAPES),
    rounds: Annotated[int, typer.Option(min=1, max=100)] = 3,
    seconds: Annotated[float, typer.Option(min=0.1, max=600, help="Measured per cell.")] = 3.0,
) -> None:
    """Measure our servers beside others: one core for the server, one for the load.

    Each cell has a fresh server process. The results are medians over the rounds; tables, a JSON
    file and a picture go to benchmarks/results.
    """
    groups = _known(group, list(GROUPS), "group")
    names = [name for name in SERVERS if any(name in GROUPS[each] for each in groups)]
    if only:
        names = _known(only, names, "server")
    chosen = _known(shapes, list(SHAPES), "shape")
    if quick:
        rounds, seconds = 1, min(seconds, 1.0)
    raise_file_limit()  # for the servers too, which inherit it
    cores = Cores.of_this_machine()
    os.sched_setaffinity(0, cores.own)
    RESULTS.mkdir(exist_ok=True)
    console = console_for_tables()
    results = Results()
    try:
        _measure(results, names, chosen, rounds, seconds, quick, cores, console)
    except KeyboardInterrupt:
        console.print("stopped; this is what there is")
    _report(results, names, chosen, rounds, seconds, cores, console)


def _known(listed: str, known: list[str], what: str) -> list[str]:
    names = [name.strip() for name in listed.split(",") if name.strip()]
    for name in names:
        if name not in known:
            raise typer.BadParameter(f"no {what} {name!r}; there are {', '.join(known)}")
    return [name for name in known if name in names]


def _measure(
    results: Results,
    names: list[str],
    shapes: list[str],
    rounds: int,
    seconds: float,
    quick: bool,
    cores: Cores,
    console: Console,
) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    # Two redraws a second: the bar runs on the generator's core.
    with Progress(
        *columns, TimeRemainingColumn(), console=console, refresh_per_second=2
    ) as progress:
        cells = [
            (number_of_round, shape, name)
            for number_of_round in range(1, rounds + 1)
            for shape in shapes
            for name in names
            if SERVERS[name].takes(SHAPES[shape])
        ]
        task = progress.add_task("", total=len(cells))
        for number_of_round, shape, name in cells:
            label = f"round {number_of_round} {shape} {name}"
            progress.update(task, description=label)
            if name not in results.unavailable:
                said = _cell(results, name, shape, seconds, quick, cores)
                progress.console.print(f"{label}: {said}", markup=False, highlight=False)
            progress.advance(task)


def _cell(
    results: Results, name: str, shape_name: str, seconds: float, quick: bool, cores: Cores
) -> str:
    """One run of one shape against a fresh process; returns a line about it."""
    shape = SHAPES[shape_name]
    if quick and shape.kind is Kind.IDLE:
        shape = shape.within(QUICK_FILES)
    try:
        with running(SERVERS[name], cores, RESULTS / f"{name}.log") as (target, pid):
            result = load.run(target, shape, seconds=seconds, warm_up=seconds / 3, pid=pid)
    except Unavailable as error:
        results.unavailable[name] = str(error)
        return f"not run: {error}"
    except BenchError as error:
        results.failures.setdefault((name, shape_name), []).append(str(error))
        return f"failed: {error}"
    results.runs.setdefault((name, shape_name), []).append(result)
    measure, unit = report.MAIN[shape.kind]
    return f"{number(measure(result))} {unit}"


def _report(
    results: Results,
    names: list[str],
    shapes: list[str],
    rounds: int,
    seconds: float,
    cores: Cores,
    console: Console,
) -> None:
    setting = {
        "machine": machine(),
        "versions": versions(),
        "rounds": rounds,
        "seconds": seconds,
        "cores": {"server": sorted(cores.server), "load": sorted(cores.own)},
    }
    for table in report.tables(results, names, shapes):
        console.print(table)
    for remark in report.remarks(results):
        console.print(remark, markup=False, highlight=False)
    if cores.server == cores.own:
        console.print("There is only one core: server and load shared it.")
    console.print(", ".join(f"{key}: {value}" for key, value in machine().items()), highlight=False)
    console.print(", ".join(f"{key} {value}" for key, value in versions().items()), highlight=False)
    console.print(f"{rounds} rounds of {seconds:g} s each, medians", highlight=False)
    try:
        write_json(RESULTS / "latest.json", {**setting, **results.as_json()})
        plots = [RESULTS / "latest.svg", RESULTS / "latest.png"]
        report.write_plots(results, names, shapes, plots)
    except BenchError as error:
        console.print(str(error), markup=False)
    else:
        console.print("written: benchmarks/results/latest.json, .svg and .png", highlight=False)


if __name__ == "__main__":
    typer.run(main)
