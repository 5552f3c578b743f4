"""An invoice run in several commands: every contract in just one of them, and the same invoices as by a single one."""

import json
from io import StringIO
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from streams.embedded_runtime import Input
from streams.log import Stream
from tests.first_light.homes import ISSUED_AT, new_home
from vocabulary.billing import ContractRange, InvoiceIssued, InvoiceRunRequested
from vocabulary.codec import decode, encode
from vocabulary.identity import ContractId, Position
from wattbook import documents
from wattbook.audit import replay
from wattbook.cli import cli
from wattbook.commands import output
from wattbook.demo_fleet import demo_messages
from wattbook.documents import ranges, run_invoices
from wattbook.init_files import write_example
from wattbook.wiring import App, open_app

A, B, C, D = (ContractId(name) for name in "ABCD")


def test_a_command_ends_with_the_contract_that_makes_it_full_and_the_last_one_is_open() -> None:
    assert ranges([(A, 3), (B, 4), (C, 9), (D, 1)], 5) == [
        ContractRange(until=B),
        ContractRange(after=B, until=C),
        ContractRange(after=C),
    ]


@pytest.mark.parametrize("owing", [[], [(A, 1)], [(A, 2), (B, 2)], [(A, 5)], [(A, 1000)], [(A, 1), (B, 4)]])
def test_what_one_command_can_do_is_asked_for_without_a_range(owing: list[tuple[ContractId, int]]) -> None:
    assert ranges(owing, 5) == [None]


@given(st.dictionaries(st.text(min_size=1, max_size=3), st.integers(1, 9)), st.integers(1, 20))
def test_every_contract_there_is_lies_in_just_one_range_and_no_range_is_much_too_full(
    counts: dict[str, int], sessions_max: int
) -> None:
    owing = [(ContractId(contract), counts[contract]) for contract in sorted(counts)]
    found = [each or ContractRange() for each in ranges(owing, sessions_max)]
    assert found[0].after is found[-1].until is None
    assert all(one.until == other.after is not None for one, other in pairwise(found))
    within = [[n for c, n in owing if (r.after or "") < c and (r.until is None or c <= r.until)] for r in found]
    assert sum(map(len, within)) == len(owing)
    assert all(sum(numbers[:-1]) < sessions_max for numbers in within)


def demo_home(folder: Path, vault: Path | None = None) -> App:
    """A day of sessions on three contracts."""
    write_example(folder.with_name(folder.name + "-reference"))
    app = new_home(folder, folder.with_name(folder.name + "-reference"), vault)
    app.runtime.append([Input(Stream.RAW, message.station, message) for message in demo_messages()])
    app.runtime.pump()
    return app


def written(app: App) -> tuple[list[bytes], list[InvoiceRunRequested]]:
    """The invoices in the log, and the commands that asked for them."""
    with app.reading() as store:
        conclusions = [stored.body for stored in store.log.read([Stream.CONCLUSIONS], Position(0), 10_000)]
        commands = [decode(stored.body) for stored in store.log.read([Stream.COMMANDS], Position(0), 100)]
    return [body for body in conclusions if isinstance(decode(body), InvoiceIssued)], commands  # type: ignore[return-value]


def test_several_commands_draw_up_the_same_invoices_as_one_and_replay_identically(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = demo_home(tmp_path / "one")
    run_invoices(one, "2026-10", ISSUED_AT.date(), ISSUED_AT)
    monkeypatch.setattr(documents, "SESSIONS_AT_ONCE", 1)
    several = demo_home(tmp_path / "several", vault=tmp_path / "one" / "vault.json")
    issued = run_invoices(several, "2026-10", ISSUED_AT.date(), ISSUED_AT)
    [(expected, [single]), (found, commands)] = written(one), written(several)
    assert found == expected == [encode(InvoiceIssued(invoice=invoice)) for invoice in issued]
    assert (single.contracts, b"contracts" in encode(single)) == (None, False), "as such a command has always been"
    assert len(commands) == len(found) > 1
    assert run_invoices(several, "2026-10", ISSUED_AT.date(), ISSUED_AT.replace(minute=1)) == []
    assert replay(several).difference is None


def test_runs_at_the_same_time_tell_each_the_invoices_of_its_own_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = demo_home(tmp_path / "home")
    another = open_app(one.settings)
    issued: list[list[str]] = []

    def meanwhile(_seconds: float) -> None:
        monkeypatch.setattr(documents, "time", SimpleNamespace(sleep=lambda _: None))
        issued.append([each.number for each in run_invoices(another, "2026-10", ISSUED_AT.date(), ISSUED_AT.replace(minute=1))])
        run_invoices(another, "2026-10", ISSUED_AT.date(), ISSUED_AT)  # as the first one asks for, at the same instant

    monkeypatch.setattr(documents, "SESSIONS_AT_ONCE", 1)
    monkeypatch.setattr(documents, "time", SimpleNamespace(sleep=lambda seconds: meanwhile(seconds) if seconds else None))
    issued.append([each.number for each in run_invoices(one, "2026-10", ISSUED_AT.date(), ISSUED_AT)])
    with one.reading() as store:
        everything = [row.number for row in store.states.documents()]
    assert sorted(number for numbers in issued for number in numbers) == everything
    assert [len(numbers) for numbers in issued] == [2, 1]


RUN = ("invoice", "run", "--month", "2026-10", "--issued-on", "2026-11-02", "--json")


def test_that_invoices_are_issued_is_told_before_their_files_are_written_and_not_among_the_results(tmp_path: Path) -> None:
    demo_home(tmp_path / "home").close()
    done = CliRunner().invoke(cli, ["--home", str(tmp_path / "home"), *RUN])
    assert len(json.loads(done.stdout)) == 3
    told = done.stderr.splitlines()
    assert told[0].startswith("3 invoices are issued and safe; writing the files")
    assert "`wattbook invoice show NUMBER --out FOLDER`" in told[1]
    assert (len(told), "\x1b" in done.stderr) == (2, False)
    again = CliRunner().invoke(cli, ["--home", str(tmp_path / "home"), *RUN])
    assert (json.loads(again.stdout), again.stderr) == ([], "")


def test_a_terminal_shows_the_invoice_that_is_being_written_and_how_many_are(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = StringIO()
    monkeypatch.setattr(
        output, "ERR", Console(file=screen, force_terminal=True, width=100, color_system=None, _environ={"TERM": "xterm"})
    )
    with output.step_bar("invoice", 2) as begin:
        begin("ELB2026-000001, 3 sessions")
        begin("ELB2026-000002, 2702 sessions")
    assert "1/2 invoices, ELB2026-000002, 2702 sessions" in screen.getvalue()
