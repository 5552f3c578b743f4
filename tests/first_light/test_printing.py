"""What commands print is what they say: no station writes a line of it, and a time says its day where that is not plain."""

import json

import pytest

from tests.first_light.test_worklist import Home, event
from tests.first_light.test_worklist import home as home
from wattbook import serving
from wattbook.commands.output import escape

FAKE = "T1\nprogress   rated\r\x1b[31m\x9b2J\u202e\u2028\u0085 [bold]x"
HARMFUL = ("\r", "\x1b", "\x9b", "\u202e", "\u2028", "\u0085")
COMMANDS = (("session", "list"), ("session", "worklist"), ("session", "show", "{}"), ("session", "list", "--json"))


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_transaction_id_writes_no_line_of_its_own_and_nothing_that_a_terminal_obeys(
    home: Home, command: tuple[str, ...]
) -> None:
    home.hears(event("Started", 0, 0, 0, tx=FAKE), event("Ended", 2, 60, 5000, tx=FAKE))
    [session] = home.told("session", "list")
    assert session["transaction"] == FAKE, "a program reads it as it is"
    printed = home.run(*(word.format(session["session"]) for word in command)).output
    assert session["session"][:12] in printed
    assert not [sign for sign in HARMFUL if sign in printed]
    assert not [line for line in printed.splitlines() if line.startswith("progress   rated")]


def test_text_is_shown_on_one_line_and_its_markup_as_it_is() -> None:
    assert escape("a\nb\tc\x1b[0m [red]d – ü 漢") == "a\ufffdb\ufffdc\ufffd\\[0m \\[red]d – ü 漢"


def test_the_log_of_a_server_at_a_terminal_has_one_line_for_each_event(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for is_terminal in (True, False):
        monkeypatch.setattr("sys.stderr.isatty", lambda is_terminal=is_terminal: is_terminal)
        serving.say("refused", station="A\n2026 connected station=B\x1b[2J")
        told = capsys.readouterr().err
        assert told.count("\n") == 1 and "\x1b" not in told and "refused" in told


def test_the_stretches_of_a_session_over_midnight_say_their_days(home: Home) -> None:
    home.hears(event("Started", 0, 0, 0), event("Updated", 1, 60, 5000), event("Ended", 2, 2880, 5000))
    [session] = home.told("session", "list")
    lines = home.run("session", "show", session["session"]).output.splitlines()
    [at] = [place for place, line in enumerate(lines) if line.startswith("energy")]
    assert [line.split() for line in lines[at + 1 : at + 2]] == [
        ["2026-10-05", "10:00:00", "–", "2026-10-07", "10:00:00", "charging"]
    ]


def test_the_stretches_of_a_session_of_one_day_say_the_time_alone(home: Home) -> None:
    home.hears(event("Started", 0, 0, 0), event("Ended", 1, 60, 5000))
    [session] = home.told("session", "list")
    assert "\n           10:00:00 – 11:00:00  charging\n" in home.run("session", "show", session["session"]).output


def test_json_that_is_printed_is_read_back_as_it_was(home: Home) -> None:
    odd = '\x00\x7f\x9b\U000e0001\ud7ff\ufffe é \\ "'
    home.hears(event("Started", 0, 0, 0, tx=odd))
    printed = home.run("session", "list", "--json").stdout
    assert printed.isascii() or all(sign.isprintable() or sign == "\n" for sign in printed)
    assert json.loads(printed)[0]["transaction"] == odd
