"""Printing for people and for programs: tables on a terminal, one JSON object with `--json`.

Results go to standard output, progress and complaints to standard error, so that output can be piped.
"""

import itertools
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

import click
import msgspec
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table
from rich.text import Text

from invoicing.visible import visible
from vocabulary.codec import as_plain
from vocabulary.money import from_micro, plain
from wattbook.settings import Settings
from wattbook.shown import shown_json

if TYPE_CHECKING:
    from wattbook.wiring import App

F = TypeVar("F", bound=Callable[..., Any])

_PIPED_WIDTH = 200  # where nobody looks at it, nothing is folded

_WORD_MAX = 24  # a time


def _console(stderr: bool) -> Console:
    console = Console(stderr=stderr, highlight=False, soft_wrap=True)
    return console if console.is_terminal else Console(stderr=stderr, highlight=False, soft_wrap=True, width=_PIPED_WIDTH)


OUT, ERR = _console(stderr=False), _console(stderr=True)

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
pass_settings = click.make_pass_decorator(Settings)


@contextmanager
def opened(settings: Settings) -> Iterator["App"]:
    """The home's application, closed afterwards."""
    from wattbook.wiring import open_app  # a third of a second, for which who only looks into a topic need not wait

    app = open_app(settings)
    try:
        yield app
    finally:
        app.close()


def print_json(value: Any) -> None:
    """One object, indented; decimals as strings."""
    sys.stdout.write(_json(value) + "\n")


def print_json_list(values: Iterable[Any]) -> None:
    """As `print_json` of a list, one after the other: not all need be in memory."""
    begins = "[\n"
    for value in values:
        sys.stdout.write(begins + textwrap.indent(_json(value), "  "))
        begins = ",\n"
    sys.stdout.write("[]\n" if begins == "[\n" else "\n]\n")


def print_json_around(name: str, values: Iterable[Any], others: dict[str, Any]) -> None:
    """One object with a list under this name, which need not be in memory, and then the others."""
    begins = f'{{\n  "{name}": ['
    for value in values:
        sys.stdout.write(begins + "\n" + textwrap.indent(_json(value), "    "))
        begins = ","
    sys.stdout.write((begins if begins != "," else "\n  ") + "],\n" + _json(others).removeprefix("{\n") + "\n")


def _json(value: Any) -> str:
    return shown_json(msgspec.json.format(msgspec.json.encode(as_plain(value))).decode())


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], right: Sequence[int] = ()) -> None:
    """A plain table; columns whose index is in `right` are aligned to the right, as numbers are."""
    if title:
        OUT.print(f"[bold]{escape(title)}[/]")
    made = Table(box=None, pad_edge=False, header_style="dim", show_header=any(columns))
    for index, column in enumerate(columns):
        made.add_column(column, justify="right" if index in right else "left", overflow="fold", no_wrap=index in right)
    for row in rows:
        made.add_row(*[escape(cell(value)) for value in row])
    OUT.print(made)


def print_lines(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """One line for each row, never folded: cut to the width of a terminal, whole where nobody looks at it."""
    lines = [[*columns], *(_cut([_on_one_line(cell(value)) for value in row]) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)][:-1]
    for number, (*first, last) in enumerate(lines):
        words = [word.ljust(width) for word, width in zip(first, widths, strict=True)]
        line = Text("  ".join((*words, last)), style="" if number else "dim")
        if OUT.is_terminal:
            line.truncate(OUT.width, overflow="ellipsis")
        OUT.print(line)


def _cut(words: list[str]) -> list[str]:
    """On a terminal, all but the last at most _WORD_MAX long, so that something of that one is seen."""
    if not OUT.is_terminal:
        return words
    return [word if len(word) <= _WORD_MAX else word[: _WORD_MAX - 1] + "…" for word in words[:-1]] + words[-1:]


def _on_one_line(text: str) -> str:
    return visible("".join(" " if sign.isspace() else sign for sign in text))


def count(number: int, noun: str) -> str:
    """`1 invoice`, `2 invoices`, `2 entries`."""
    if number == 1:
        return f"1 {noun}"
    return f"{number} {noun[:-1] + 'ies' if noun.endswith('y') else noun + 's'}"


def micro(amount_micro: int) -> str:
    """An amount of the ledger, to its last place; nothing where there is none."""
    return f"{from_micro(amount_micro):.6f}" if amount_micro else ""


def cell(value: object) -> str:
    """A value as a table shows it; what is not known is a dash."""
    match value:
        case None | "":
            return "–"
        case Decimal():
            return plain(value)
        case _:
            return str(value)


def escape(text: str) -> str:
    """Text as it is, on one line: rich's own markup in it has no effect, and what cannot be seen is shown as �."""
    return visible(text).replace("[", r"\[")


def paragraph(text: str, indent: int = 0, style: str = "") -> None:
    """Text of ours, indented; folded between words at the width of a terminal, whole where nobody looks at it."""
    lines = textwrap.wrap(text, max(OUT.width - indent, 40)) if OUT.is_terminal else [text]
    for line in lines:
        OUT.print(" " * indent + (f"[{style}]{escape(line)}[/]" if style else escape(line)))


def escape_lines(text: str) -> str:
    """As `escape`, of what we ourselves wrote on several lines."""
    return "\n".join(map(escape, text.split("\n")))


@contextmanager
def progress_bar(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar on standard error while long work runs; nothing where that is no terminal."""
    if not ERR.is_terminal:
        yield lambda _: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=ERR, transient=True) as progress:
        task = progress.add_task(what, total=total)
        yield lambda advance: progress.advance(task, advance)


@contextmanager
def sessions_bar(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """As `progress_bar`, of sessions."""
    if not ERR.is_terminal:
        yield lambda _: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=ERR, transient=True) as progress:
        task = progress.add_task(f"sessions {what}", total=total)
        yield lambda advance: progress.advance(task, advance)


@contextmanager
def step_bar(noun: str, total: int) -> Iterator[Callable[[str], None]]:
    """A bar of a few long steps on standard error, to be told of each as it begins; nothing where that is no terminal."""
    if not ERR.is_terminal:
        yield lambda _: None
        return
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn(f"{noun}s, {{task.description}}"), TimeElapsedColumn())
    with Progress(*columns, console=ERR, transient=True) as progress:
        task, before = progress.add_task("", total=total), itertools.count()
        yield lambda step: progress.update(task, description=escape(step), completed=next(before))
