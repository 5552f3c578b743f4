"""The rules of the house, held by `ast`: who imports whom, what may touch the outside, where no float may stand.

A rule is a function from a file's name and tree to the (line, what to do) of each breach. A table may name a file before it
exists; an exception stands in the table beside its reason. Each rule is also fed a breach: what cannot fail holds nothing.
"""

import ast
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
Breaches = Iterator[tuple[int, str]]
Rule = Callable[[str, ast.Module], Breaches]

ARROWS = {  # room: the rooms that it may import (DESIGN section 2)
    "vocabulary": "",
    "ingest": "vocabulary",
    "streams": "vocabulary tariffs",
    "tariffs": "vocabulary",
    "ledger": "vocabulary",
    "invoicing": "vocabulary ledger",
    "wattbook": "vocabulary ingest streams tariffs ledger invoicing",
}
DOORS = {  # third-party package: the files that may import it; a folder stands for all its files
    "aiokafka": "streams/faust_runtime.py streams/aiokafka_records.py",  # Faust's own client
    "alembic": "wattbook/migrating.py wattbook/migrations/",
    "babel": "invoicing/localise.py",
    "click": "wattbook/",
    "cryptography": "streams/first_ocmf.py streams/signed/ecdsa.py wattbook/vault.py wattbook/demo_meter.py "
    "wattbook/seal_key.py",
    "defusedxml": "ingest/soap_xml.py streams/signed/xml_text.py",
    "fastapi": "ingest/http_server.py ingest/http_meter_keys.py",
    "faust": "streams/faust_runtime.py streams/faust_thread.py",
    "jinja2": "invoicing/html.py",
    "kafka": "streams/kafka_client.py streams/kafka_admin.py streams/kafka_connection.py streams/kafka_header_names.py "
    "streams/kafka_records.py",
    "lz4": "streams/unpacking.py",
    "msgspec": "vocabulary/ ingest/ streams/ tariffs/ ledger/ invoicing/ wattbook/",  # our record type
    "ocpp": "ingest/schema.py",
    "prometheus_client": "wattbook/observing.py",
    "pydantic": "ingest/http_server.py ingest/http_meter_keys.py tariffs/document.py tariffs/tariff_fields.py "
    "tariffs/energy_mix.py "
    "tariffs/ocpp_document.py tariffs/ocpi_document.py invoicing/ocpi_document.py wattbook/reference_files.py "
    "wattbook/reference_fit.py wattbook/plan_shapes.py "
    "wattbook/reference_shapes.py wattbook/settings.py wattbook/sketch.py",
    "pydantic_core": "wattbook/reference_fit.py wattbook/settings.py",
    "pydantic_settings": "wattbook/settings.py",
    "rich": "wattbook/",
    "psycopg": "wattbook/database.py",
    "snappy": "streams/unpacking.py",
    "sqlalchemy": "ledger/sql_store.py ledger/sql_tables.py streams/sql_states.py streams/sqlite_log.py "
    "streams/postgres_log.py streams/postgres_parts.py streams/state_tables.py streams/sql_seals.py "
    "wattbook/database.py wattbook/wiring.py wattbook/audit.py wattbook/lane_audit.py wattbook/lane_replay.py "
    "wattbook/publishing.py "
    "wattbook/migrating.py wattbook/migrations/ wattbook/commands/database.py wattbook/sealing.py wattbook/sql_access.py",
    "uvicorn": "ingest/uvicorn_listener.py",
    "uvloop": "streams/faust_runtime.py",
    "weasyprint": "invoicing/weasyprint_pdf.py",
    "websockets": "ingest/websocket_",
    "yaml": "wattbook/reference_yaml.py",
    "yarl": "streams/faust_runtime.py",
    "zstandard": "streams/unpacking.py",
}
# Named for what they touch, and the application; every other file is pure.
SHELL: tuple[str, ...] = ("wattbook/", "ingest/websocket_", "ingest/http_", "ingest/uvicorn_listener.py")
SHELL += ("ingest/tls_handshake.py",)
SHELL += ("invoicing/weasyprint_pdf.py", "ledger/sql_store.py")
SHELL += ("streams/kafka_client.py", "streams/kafka_admin.py", "streams/kafka_connection.py", "streams/kafka_log.py")
SHELL += ("streams/embedded_runtime.py", "streams/sql_states.py", "streams/sqlite_log.py")
SHELL += ("streams/faust_runtime.py", "streams/plain_runtime.py", "streams/process_end.py")
OUTSIDE = "asyncio http logging os random secrets shutil socket sqlite3 subprocess tempfile threading time urllib uuid"
CLOCK = re.compile(r"\b(datetime\.(now|utcnow|today)|date\.today)$")
FILES = re.compile(r"open|.*\.(read|write)_(text|bytes)")
MONEY_PATHS = ("vocabulary/", "streams/", "tariffs/", "ledger/", "invoicing/")
FLOATS_ALLOWED = {"invoicing/weasyprint_pdf.py": "a page is laid out in CSS pixels; its amounts arrive as text"}
BROAD_EXCEPT_ALLOWED = {
    "streams/faust_runtime.py": "whatever fails ends the process: Faust would acknowledge on",
    "streams/plain_runtime.py": "whatever fails ends the process, as it does with Faust",
    "streams/embedded_runtime.py": "forgets what a failed batch left in memory, and raises on",
    "streams/lanes.py": "the same",
    "wattbook/desk.py": "steps may stop; making messages durable and answering them may not",
}
MACHINE = re.compile(r"https?://(?!www\.apache\.org/licenses/)|(?<![\w.])/(work|root|home)\b|--(extra-)?index-url\b")


def imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """The first name of what is imported, wherever in the file; a relative import stays in its room and is not given."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from ((node.lineno, name.name.partition(".")[0]) for name in names)
            case ast.ImportFrom(module=str(module), level=0):
                yield node.lineno, module.partition(".")[0]


def calls(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """What is called, as dotted text: `open`, `Path('x').read_text`."""
    return ((node.lineno, ast.unparse(node.func)) for node in ast.walk(tree) if isinstance(node, ast.Call))


def a_room_imports_only_along_its_arrows(file: str, tree: ast.Module) -> Breaches:
    room = file.partition("/")[0]
    for line, name in imports(tree):
        if name in ARROWS and name not in [room, *ARROWS[room].split()]:
            yield line, f"{room} may not import {name}: move what both need to vocabulary, or pass it in from wattbook"


def a_third_party_package_is_imported_only_at_its_door(file: str, tree: ast.Module) -> Breaches:
    for line, name in imports(tree):
        if name in DOORS and not file.startswith(tuple(DOORS[name].split())):
            yield line, f"{name} is imported only in {DOORS[name]}: use what stands there"
        if name not in {*DOORS, *ARROWS, *sys.stdlib_module_names}:
            yield line, f"{name} has no door: give it a door in tests/test_house.py"
    for line, name in calls(tree):
        if name.endswith(("__import__", "import_module")):
            yield line, f"{name} hides what is imported: write an import statement"


def a_file_that_touches_the_outside_is_named_for_it(file: str, tree: ast.Module) -> Breaches:
    if file.startswith(SHELL):
        return
    for line, name in imports(tree):
        if name in OUTSIDE.split():
            yield line, f"{name} in a pure file: take the value as an argument and let a shell file gather it"
    reads_own_data = "importlib" in {name for _, name in imports(tree)}  # what ships with the code is part of it
    for line, name in calls(tree):
        if FILES.fullmatch(name) and not (reads_own_data and ".read_" in name):
            yield line, f"{name} in a pure file: take the bytes as an argument, or return them"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and CLOCK.search(ast.unparse(node)):
            yield node.lineno, "a clock in a pure file: take the moment as an argument"


def no_float_stands_in_a_money_path(file: str, tree: ast.Module) -> Breaches:
    if not file.startswith(MONEY_PATHS) or file in FLOATS_ALLOWED:
        return
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=float(value)):
                yield node.lineno, f"the float {value}: write Decimal('{value}')"
            case ast.Name(id="float"):
                yield node.lineno, "float: use Decimal for money and energy, int for seconds"


def a_module_opens_by_telling_what_it_is(file: str, tree: ast.Module) -> Breaches:
    if not ast.get_docstring(tree):
        yield 1, "begin with a docstring: what the reader is about to read"


def a_file_is_one_noun_and_a_function_one_thought(file: str, tree: ast.Module) -> Breaches:
    if (length := max((node.end_lineno or 0 for node in tree.body), default=0)) > 400:
        yield 400, f"{length} lines; at most 400: give its second noun a file of its own"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            if (length := 2 + (node.end_lineno or 0) - body[0].lineno if body else 1) > 80:
                yield node.lineno, f"{node.name} has {length} lines; at most 80: name its parts"


def no_error_is_swallowed(file: str, tree: ast.Module) -> Breaches:
    for node in ast.walk(tree):
        match node:
            case ast.ExceptHandler(type=None):
                caught = ["BaseException"]
            case ast.ExceptHandler(type=ast.expr() as expected):
                caught = [ast.unparse(part) for part in ast.walk(expected)]
            case ast.Call(func=ast.Name("suppress") | ast.Attribute(attr="suppress"), args=expected):
                caught = [ast.unparse(part) for part in expected]
            case _:
                continue
        if {"Exception", "BaseException"} & set(caught) and file not in BROAD_EXCEPT_ALLOWED:
            yield node.lineno, "name the errors that you expect; let the others crash"


def only_the_application_prints(file: str, tree: ast.Module) -> Breaches:
    for line, name in calls(tree):
        if name == "print" and not file.startswith("wattbook/"):
            yield line, "print( outside wattbook: return the text"


BREACHES: list[tuple[Rule, str, str]] = [  # a rule, and source in a file that it must report
    (a_room_imports_only_along_its_arrows, "vocabulary/money.py", "import ledger.journal"),
    (a_room_imports_only_along_its_arrows, "tariffs/rate.py", "def f(): from streams import log"),
    (a_room_imports_only_along_its_arrows, "invoicing/html.py", "from wattbook.settings import Settings"),
    (a_third_party_package_is_imported_only_at_its_door, "ledger/journal.py", "from sqlalchemy.orm import Session"),
    (a_third_party_package_is_imported_only_at_its_door, "ledger/sql_store.py", "import click"),
    (a_third_party_package_is_imported_only_at_its_door, "wattbook/cli.py", "import requests"),
    (a_third_party_package_is_imported_only_at_its_door, "wattbook/cli.py", "importlib.import_module('requests')"),
    (a_file_that_touches_the_outside_is_named_for_it, "streams/log.py", "from urllib.request import urlopen"),
    (a_file_that_touches_the_outside_is_named_for_it, "streams/log.py", "at = datetime.now(UTC)"),
    (a_file_that_touches_the_outside_is_named_for_it, "streams/log.py", "field(default_factory=dt.date.today)"),
    (a_file_that_touches_the_outside_is_named_for_it, "streams/log.py", "open(path)"),
    (a_file_that_touches_the_outside_is_named_for_it, "streams/log.py", "Path(name).read_text()"),
    (no_float_stands_in_a_money_path, "ledger/journal.py", "vat = 0.19"),
    (no_float_stands_in_a_money_path, "ledger/journal.py", "vat = float(text)"),
    (no_float_stands_in_a_money_path, "tariffs/rate.py", "def rate(price: float | None) -> None: ..."),
    (a_module_opens_by_telling_what_it_is, "streams/log.py", "import re"),
    (a_file_is_one_noun_and_a_function_one_thought, "streams/log.py", "x = 1\n" * 401),
    (a_file_is_one_noun_and_a_function_one_thought, "streams/log.py", "def f():\n 'Why.'\n" + " x = 1\n" * 80),
    (no_error_is_swallowed, "ledger/journal.py", "try: post()\nexcept: pass"),
    (no_error_is_swallowed, "wattbook/cli.py", "try: post()\nexcept (ValueError, Exception) as error: pass"),
    (no_error_is_swallowed, "streams/log.py", "with suppress(Exception): post()"),
    (only_the_application_prints, "invoicing/html.py", "print(1)"),
]


@pytest.mark.parametrize("rule", dict.fromkeys(rule for rule, _, _ in BREACHES), ids=lambda rule: rule.__name__)
def test_that(rule: Rule) -> None:
    files = {path.relative_to(ROOT).as_posix(): path for room in ARROWS for path in (ROOT / room).rglob("*.py")}
    assert files, "no module found: the rooms have moved, and this test holds nothing"
    breaches = [(f, *breach) for f, path in sorted(files.items()) for breach in rule(f, ast.parse(path.read_text(), f))]
    assert not breaches, "".join(f"\n{file}:{line}: {what}" for file, line, what in breaches)


@pytest.mark.parametrize(("rule", "file", "source"), BREACHES)
def test_each_rule_reports_its_breach(rule: Rule, file: str, source: str) -> None:
    assert list(rule(file, ast.parse(source)))


SET_UP = "requirements.txt pyproject.toml run .ci/run broker/pom.xml Dockerfile compose.yaml"
SET_UP += " tests/independent/package.json tests/independent/package-lock.json"


@pytest.mark.parametrize("file", SET_UP.split())
def test_no_registry_and_no_path_of_a_machine_is_named_in(file: str) -> None:
    lines = enumerate((ROOT / file).read_text().splitlines(), start=1)
    breaches = [f"\n{file}:{number}: make it work anywhere: {line}" for number, line in lines if MACHINE.search(line)]
    assert not breaches, "".join(breaches)


@pytest.mark.parametrize("line", ["--index-url pypi", "six @ https://a.example/six.whl", "file:///root/x", "-e /work/x"])
def test_a_registry_and_a_path_of_a_machine_are_recognised(line: str) -> None:
    assert MACHINE.search(line)
