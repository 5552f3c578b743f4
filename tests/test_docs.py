"""The documentation is true: what it shows is what happens, what can go wrong is explained, nothing is named that is not there.

Every ```console block of *.md and docs/*.md is typed into a shell, page by page, each in an empty folder of its own, and
must print what the page shows. In what a page shows, `…` stands for anything within a line, and a line of `…` alone for any
lines. A block that cannot run here is marked `<!-- not run: WHY -->` on the line above it.

    python -m tests.test_docs     writes what was printed into the pages, where it is not what they show; review the difference
"""

import ast
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from enum import StrEnum
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

import click
import pytest

from ingest.batches import BatchFault
from ingest.tls_handshake import TlsFault
from ledger.checks import CHECKS
from tariffs.lint import LintReason
from tariffs.losses import LossReason
from vocabulary.charging import Rejection
from vocabulary.cost_facts import NoCost
from vocabulary.quarantine import QuarantineReason
from vocabulary.sessions import Finding, ReversalReason
from vocabulary.signatures import SignatureReason, Verdict
from wattbook.cli import cli
from wattbook.database import _REMEDIES
from wattbook.settings import Settings

ROOT = Path(__file__).parent.parent
ROOMS = ("vocabulary", "ingest", "streams", "tariffs", "ledger", "invoicing", "wattbook")
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
NOT_RUN_MAX = 2
PAGE_SECONDS_MAX = 600  # a page takes ten; beside other work on the machine much longer
# What would run these tests again, or takes long.
NOT_TYPED = re.compile(r"\./run (setup|test|check|format|bench|faults)\b")
MARK = "\x1e"


def page_id(page: Path) -> str:
    return str(page.relative_to(ROOT))


# Pages, and what they show


class Command(NamedTuple):
    """What is typed, with its here-document, and the lines that the page shows below it. `line` counts from 1."""

    line: int
    typed: str
    shown: tuple[str, ...]


class Block(NamedTuple):
    commands: tuple[Command, ...]
    not_run: bool


def blocks(text: str) -> Iterator[Block]:
    """The console blocks of a page."""
    lines = text.splitlines()
    for start in (number for number, line in enumerate(lines) if line == "```console"):
        end = lines.index("```", start)
        above = next((line for line in reversed(lines[:start]) if line.strip()), "")
        yield Block(tuple(_commands(lines, start + 1, end)), above.startswith("<!-- not run:"))


def _commands(lines: list[str], at: int, end: int) -> Iterator[Command]:
    assert at == end or lines[at].startswith("$ "), f"line {at + 1}: a console block begins with a prompt"
    while at < end:
        first, typed = at, [lines[at].removeprefix("$ ")]
        until = re.search(r"<<-?'?(\w+)'?", typed[0])
        at += 1
        if until:
            close = lines.index(until[1], at)
            typed += lines[at : close + 1]
            at = close + 1
        while typed[-1].endswith("\\"):
            typed.append(lines[at])
            at += 1
        shown = at
        while at < end and not lines[at].startswith("$ "):
            at += 1
        yield Command(first + 1, "\n".join(typed), tuple(lines[shown:at]))


def agrees(shown: tuple[str, ...], printed: tuple[str, ...]) -> bool:
    """Whether what was printed is what the page shows. Blanks at the end of a line do not matter."""
    pattern = "".join(r"(?:.*\n)*?" if line.strip() == "…" else _line_pattern(line) for line in shown)
    return re.fullmatch(pattern, "".join(line.rstrip() + "\n" for line in printed)) is not None


def _line_pattern(line: str) -> str:
    return ".*?".join(map(re.escape, line.rstrip().split("…"))) + r"[ \t]*\n"


# Typing a page into a shell


class Typed(NamedTuple):
    command: Command
    printed: tuple[str, ...]


def type_in(page: Path) -> list[Typed]:
    """Run the commands of a page in one shell, in a new folder, and give what each printed on either stream."""
    commands = [command for block in blocks(page.read_text("utf-8")) if not block.not_run for command in block.commands]
    commands = [command for command in commands if not NOT_TYPED.match(command.typed)]
    if not commands:
        return []
    with tempfile.TemporaryDirectory(prefix="wattbook-docs-") as folder:
        home, tools = Path(folder, "page"), Path(folder, "tools")
        home.mkdir()
        _install(tools)
        environment = {"PATH": f"{tools}:{os.environ['PATH']}", "HOME": folder, "LANG": "C.UTF-8", "TZ": "UTC"}
        printed = _printed(
            subprocess.Popen(
                ["bash", "-c", _script(commands)],
                cwd=home,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        )
    parts = printed.split(MARK + "\n")
    assert len(parts) == len(commands) + 1, f"{page_id(page)}: the shell stopped early:\n{parts[-1]}"
    return [Typed(command, tuple(part.splitlines())) for command, part in zip(commands, parts, strict=False)]


def _printed(shell: "subprocess.Popen[bytes]") -> str:
    """What a shell prints until it ends. One that takes too long is ended with all that it started."""
    with shell:
        try:
            printed, _ = shell.communicate(timeout=PAGE_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            os.killpg(shell.pid, signal.SIGTERM)
            printed, _ = shell.communicate()
    return printed.decode(errors="replace")


def _install(tools: Path) -> None:
    """The commands of a reader who has installed wattbook and works in a checkout."""
    tools.mkdir()
    for name, line in {
        "wattbook": f'exec "{sys.executable}" -m wattbook "$@"',
        "python3": f'exec "{sys.executable}" "$@"',
        "run": 'exec wattbook "$@"',
    }.items():
        script = tools / name
        script.write_text(f"#!/bin/sh\n{line}\n")
        script.chmod(0o755)


def _script(commands: list[Command]) -> str:
    """After each command a mark, between which `$?` is kept; what still runs at the end is ended."""
    lines = ["trap 'kill $(jobs -p) 2>/dev/null' EXIT", "status=0"]
    for command in commands:
        typed = re.sub(r"^\./run\b", "run", command.typed)
        lines += ["(exit $status)", typed, "status=$?", f"printf '{MARK}\\n'"]
    return "\n".join(lines)


@pytest.fixture(scope="module")
def runs() -> Iterator[dict[Path, "Future[list[Typed]]"]]:
    """All pages at once, as many as there are cores."""
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        yield {page: pool.submit(type_in, page) for page in sorted(PAGES, key=lambda page: -page.stat().st_size)}


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_a_page_shows_what_its_commands_print(page: Path, runs: "dict[Path, Future[list[Typed]]]") -> None:
    wrong = [typed for typed in runs[page].result() if not agrees(typed.command.shown, typed.printed)]
    assert not wrong, "\n\n".join(
        f"{page_id(page)}:{one.command.line}: $ {one.command.typed}\n--- printed\n" + "\n".join(one.printed) for one in wrong
    )


def test_at_most_two_blocks_are_not_run() -> None:
    not_run = [page_id(page) for page in PAGES for block in blocks(page.read_text("utf-8")) if block.not_run]
    assert len(not_run) <= NOT_RUN_MAX, f"{len(not_run)} blocks are marked as not run: {not_run}"


def test_dots_stand_for_anything_and_nothing_else_does() -> None:
    printed = ("2 files", "digest 00d4fd", "identical  ")
    assert agrees(("2 files", "digest …", "identical"), printed)
    assert agrees(("…", "identical"), printed)
    assert not agrees(("2 files", "identical"), printed)
    assert not agrees(("2.files", "…"), printed)


# What can go wrong is explained

# Raised and caught inside one room; what comes of it has its own paragraph.
INTERNAL = {
    "Unacceptable",
    "Unsettled",
    "Refusal",
    "KeyRefused",
    "LogAway",
    "KeyReused",
    "NameTaken",
    "NotXml",
    "CannotJudge",
    "UnsupportedCurve",
    "Refused",
    "NotOcmf",
    "UnreadableOcmf",
    "YamlErrors",
    "TariffRefused",
    "NotASeal",
    "Gap",
    "Fenced",
    "Poisoned",
    "NoBatch",  # which both client libraries tell as a damaged record
}


# Beside the stations' door.
LOGGING = (
    "wattbook/desk.py",
    "wattbook/recorder.py",
    "ingest/http_server.py",
    "ingest/http_meter_keys.py",
)  # beside the stations' door

REASONS: list[type[StrEnum]] = [
    BatchFault,
    TlsFault,
    Rejection,
    QuarantineReason,
    Finding,
    Verdict,
    SignatureReason,
    ReversalReason,
    NoCost,
    LintReason,
    LossReason,
]


def source(file: str) -> str:
    return (ROOT / file).read_text("utf-8")


def exceptions() -> set[str]:
    """Every exception of ours that may come out of a room, by its class; a base that is never raised itself is none."""
    texts = [path.read_text("utf-8") for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]
    raised = {name for text in texts for name in re.findall(r"\braise (\w+)\(", text)}
    classes = {node.name for text in texts for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ClassDef)}
    return {name for name in raised & classes if not name.startswith("_")} - INTERNAL


def refusals() -> Iterator[str]:
    """What a station is refused with: HTTP status, close code, CALLERROR code; and the events of the server's log."""
    doors = [f"ingest/{path.name}" for path in sorted((ROOT / "ingest").glob("websocket_*.py"))]
    server, answers = "".join(map(source, [*doors, "wattbook/doorkeeper.py"])), source("ingest/answers.py")
    for name in set(re.findall(r"HTTPStatus\.([A-Z_]+)", server)):
        yield f"{HTTPStatus[name].value} {HTTPStatus[name].phrase}"
    yield from set(re.findall(r"\b10\d\d\b", server))
    yield from set(re.findall(r'"(\w+Violation|\w+Error|NotSupported|NotImplemented)"', answers))
    doors_and_tls = server + source("ingest/tls_handshake.py")
    yield from re.findall(r'_(?:say|log)\(\s*"(\w+)"', doors_and_tls + "".join(map(source, LOGGING)))
    yield from set(re.findall(r'\bsay\("(\w+)"', source("wattbook/serving.py") + source("wattbook/ticking.py")))


def headings(page: Path) -> list[str]:
    return re.findall(r"^### `([^`]+)`$", page.read_text("utf-8"), re.MULTILINE)


def test_every_reason_and_every_failure_has_its_paragraph_and_no_other_has() -> None:
    enumerated = {str(member) for kind in REASONS for member in kind}
    rules = {"entries_can_be_read", *(rule.__name__ for rule in CHECKS)}
    others = {*exceptions(), *refusals(), "OSError", "CdrRefused"}
    found = headings(ROOT / "docs" / "errors.md")
    assert len(found) == len(set(found)), "a heading stands twice"
    assert set(found) == enumerated | rules | others


@pytest.mark.parametrize("kind", REASONS)
def test_reasons_stand_in_the_order_of_precedence(kind: type[StrEnum]) -> None:
    ours = [str(member) for member in kind]
    assert [name for name in headings(ROOT / "docs" / "errors.md") if name in ours] == ours


def test_what_a_partner_and_a_database_object_to_is_explained() -> None:
    page = " ".join(source("docs/errors.md").split())
    contradictions = re.findall(r'yield "([^"]+)"', source("invoicing/ocpi_document.py"))
    refused = re.findall(r'objections=\("([^"]+)",\)', source("invoicing/ocpi_cdr.py") + source("wattbook/exports.py"))
    assert len(contradictions) > 5 and len(refused) > 2
    assert [sentence for sentence in (*contradictions, *refused) if f"`{sentence}`" not in page] == []
    assert [remedy for remedy in _REMEDIES.values() if remedy not in page] == []


# What can be used is told


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield " ".join((*path, name)), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


@cache
def all_pages() -> str:
    return "\n".join(page.read_text("utf-8") for page in PAGES)


@pytest.mark.parametrize(("name", "command"), list(commands(cli)), ids=lambda value: value if isinstance(value, str) else "")
def test_a_command_has_help_and_stands_in_the_documentation(name: str, command: click.Command) -> None:
    assert command.help, f"wattbook {name} has no help: write its docstring"
    assert re.search(rf"wattbook( --home \S+)? {name}\b", all_pages()), f"wattbook {name} is on no page"


def test_one_table_has_every_setting_with_its_default() -> None:
    written = dict(re.findall(r"(?m)^\| `(WATTBOOK_\w+)` \| (.*?) ?\|", source("docs/for-csms.md")))
    defaults = {f"WATTBOOK_{name.upper()}": field.default for name, field in Settings.model_fields.items()}
    wanted = {name: "" if default is None else f"`{default}`" for name, default in defaults.items()}
    assert written == wanted | {"WATTBOOK_HOME": "the current folder"}


def test_no_page_names_a_setting_that_is_none() -> None:
    named = set(re.findall(r"\bWATTBOOK_[A-Z_]*[A-Z]\b(?!_|…)", all_pages()))
    assert named - {f"WATTBOOK_{name.upper()}" for name in Settings.model_fields} == set()


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return re.sub(r"(?ms)^```.*?^```$", "", page.read_text("utf-8"))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"(?m)^#+ (.+)$", prose(page))
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if "://" in target or target.startswith("mailto:"):
            continue
        file, _, anchor = target.partition("#")
        found = (page.parent / file).resolve() if file else page
        assert found.exists(), f"{page_id(page)}: {target}: there is no such file"
        assert not anchor or found.suffix != ".md" or anchor in anchors(found), f"{page_id(page)}: {target}: no such heading"


def rewrite(page: Path) -> str:
    """Put what was printed into the page where it is not what it shows; a traceback is nothing to show."""
    lines = page.read_text("utf-8").splitlines()
    wrong = [one for one in type_in(page) if not agrees(one.command.shown, one.printed)]
    if any(line.startswith("Traceback") for one in wrong for line in one.printed):
        return "a command crashed, nothing was written"
    for command, printed in reversed(wrong):
        first = command.line + command.typed.count("\n")
        lines[first : first + len(command.shown)] = [line.rstrip() for line in printed]
    if wrong:
        page.write_text("\n".join(lines) + "\n", "utf-8")
    return f"{len(wrong)} outputs rewritten"


if __name__ == "__main__":
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as at_once:
        for each, outcome in zip(PAGES, at_once.map(rewrite, PAGES), strict=True):
            sys.stdout.write(f"{page_id(each)}: {outcome}\n")
