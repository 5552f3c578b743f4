"""A price sheet for reading at a terminal: one block for each kind of price, then what holds for all."""

from rich.table import Table

from tariffs.price_sheet import PriceRow, PriceSection, PriceSheet
from wattbook.commands.output import OUT, escape, paragraph

_WHEN_MAX = 40


def show_price_sheet(told: PriceSheet, version: str) -> None:
    """`version` is what a machine calls it: id, profile, hash."""
    OUT.print(f"[bold]{escape(told.title)}[/]")
    OUT.print(f"[dim]{escape(version)}[/]")
    if told.in_force:
        OUT.print(f"[dim]{escape(told.in_force)}[/]")
    rows = [row for section in told.sections for row in section.rows]
    columns = _widths(rows) if rows else (0, 0)
    for section in told.sections:
        OUT.print()
        _show_section(section, columns)
    if told.remarks:
        OUT.print()
    for remark in told.remarks:
        paragraph(remark)


def _show_section(section: PriceSection, columns: tuple[int, int]) -> None:
    OUT.print(f"[bold]{escape(section.title)}[/]")
    made = Table(box=None, pad_edge=False, show_header=False, padding=(0, 3, 0, 0))
    made.add_column(min_width=columns[0] + 2, no_wrap=True)
    made.add_column(min_width=columns[1])
    made.add_column(style="dim")
    for row in section.rows:
        made.add_row("  " + escape(row.price), escape(row.when), escape(row.authored))
    OUT.print(made)
    for remark in section.remarks:
        paragraph(remark, indent=2, style="dim")


def _widths(rows: list[PriceRow]) -> tuple[int, int]:
    """The same for all blocks, so that they stand below each other."""
    prices, whens = ([len(text) for text in texts] for texts in zip(*((row.price, row.when) for row in rows), strict=True))
    return max(prices), min(max(whens), _WHEN_MAX)
