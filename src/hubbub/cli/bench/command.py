"""The command `hubbub bench`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from hubbub.cli.bench import load, report
from hubbub.cli.bench.errors import BenchError
from hubbub.cli.bench.result import Result
from hubbub.cli.bench.shapes import SHAPES, Shape, shape_named
from hubbub.cli.bench.target import CONTRACT, DIALECTS, Target

_SHAPES_HELP = "; ".join(f"{shape.name}: {shape.about}" for shape in SHAPES.values())


def bench(
    url: Annotated[
        str, typer.Argument(help="Such as ws://127.0.0.1:8000/ws/{room}", metavar="URL")
    ],
    shape: Annotated[
        list[str] | None, typer.Option(help=f"What to do; may be repeated. {_SHAPES_HELP}.")
    ] = None,
    seconds: Annotated[
        float, typer.Option(min=0.1, max=3600, help="Seconds to measure, after the warm-up.")
    ] = 3.0,
    warm_up: Annotated[float, typer.Option(min=0.1, max=600, help="Seconds before that.")] = 1.0,
    pid: Annotated[
        int | None,
        typer.Option(help="The server's process on this machine, for its memory and CPU share."),
    ] = None,
    dialect: Annotated[
        str, typer.Option(help=f"How the server wants to be spoken to: {', '.join(DIALECTS)}.")
    ] = "plain",
    expect: Annotated[
        str | None,
        typer.Option(
            help="What everyone in a room receives for a text sent there.",
            show_default=f"{CONTRACT}; in other dialects, what theirs says",
        ),
    ] = None,
    deadline: Annotated[
        float, typer.Option(min=1, max=3600, help="Seconds that opening may take.")
    ] = 60.0,
    json: Annotated[Path | None, typer.Option(help="Write the numbers to this file.")] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw them into this file, .svg or .png.")
    ] = None,
) -> None:
    """Put load on a WebSocket server with rooms, and measure what it delivers.

    Who sends a text in a room must have it sent to everyone there, the sender too; see --expect.
    Every message is counted, and checked to be of the right room. Exit code 1: the measurement
    could not be made, or messages were missing; 2: it was asked for wrongly.
    """
    console, errors = report.console(), report.console(stderr=True)
    results: list[Result] = []
    failed = False

    def tell(error: BenchError) -> None:
        nonlocal failed
        failed = True
        errors.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)

    try:
        target = Target.parse(url, dialect, expect)
        shapes = [shape_named(name) for name in dict.fromkeys(shape or ["room32"])]
        if plot is not None:
            report.check_plot(plot)
    except BenchError as error:
        tell(error)
        raise typer.Exit(2) from None
    for each in shapes:
        try:
            results.append(_run(target, each, seconds, warm_up, pid, deadline, errors))
        except BenchError as error:
            tell(error)
    if results:
        console.print(report.table(url, results))
        for remark in report.remarks(results):
            console.print(remark, markup=False, highlight=False)
        try:
            if json is not None:
                report.write_json(json, report.document(url, results))
            if plot is not None:
                report.write_plot(plot, url, results)
        except BenchError as error:
            tell(error)
    if failed or any(result.missing for result in results):
        raise typer.Exit(1)


def _run(
    target: Target,
    shape: Shape,
    seconds: float,
    warm_up: float,
    pid: int | None,
    deadline: float,
    console: Console,
) -> Result:
    columns = (
        TextColumn(shape.name),
        BarColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
    )
    # A few redraws a second: the bar runs on the generator's core.
    with Progress(*columns, console=console, refresh_per_second=4, transient=True) as bar:
        task = bar.add_task("connecting", total=1.0)
        return load.run(
            target,
            shape,
            seconds=seconds,
            warm_up=warm_up,
            pid=pid,
            deadline=deadline,
            progress=lambda phase, done: bar.update(task, description=phase, completed=done),
        )
