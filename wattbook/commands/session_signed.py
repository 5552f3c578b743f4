"""`wattbook session signed`: a session's signed values as a file for the S.A.F.E. transparency software."""

import sys
from pathlib import Path
from typing import NoReturn

import click

from invoicing.transparency import NotWritable, as_they_came
from vocabulary.identity import short
from wattbook.commands.output import ERR, escape, opened, pass_settings
from wattbook.conclusions import dossier
from wattbook.settings import Settings
from wattbook.signed_files import registered_keys
from wattbook.transparency import session_record, why_unread


@click.command("signed")
@click.argument("identity", metavar="SESSION")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Write it there instead of to standard output.")
@click.option(
    "--xml", "as_xml", is_flag=True, help="XML for Alfen and PCDF, too, which else stand as their station wrote them."
)
@pass_settings
def signed(settings: Settings, identity: str, output: Path | None, as_xml: bool) -> None:
    """Write what the meter signed of SESSION, for its driver to check with the S.A.F.E. transparency software.

    SESSION is the beginning of its id or of its transaction id. OCMF and EDL 40 become the XML that the software reads, with
    the meter's registered key; Mennekes, PCDF, Alfen and chargeIT are written as they came. `wattbook signed verify` reads
    all of them. What no software can read is written as it came, too, and standard error says why it is of no use.
    """
    with opened(settings) as app, app.reading() as store:
        rows = store.states.find(identity)
        found = [dossier(store, row) for row in rows[:1]]
    if len(rows) != 1:
        what = f"{len(rows)} sessions begin" if rows else "no session begins"
        _fail(f"{what} with {identity}: see `wattbook session list`")
    session = found[0].session
    if session is None:
        _fail(f"session {short(rows[0].session)} is not over yet: its signed values are written when it is")
    try:
        record = session_record(session, found[0].checked, registered_keys(settings), as_xml=as_xml)
    except NotWritable as error:
        if not session.signed:
            _fail(f"session {short(session.id)}: {error}")
        record = as_they_came([*dict.fromkeys(value.data for value in session.signed)])
        _remark(f"no software reads these signed values, which are written as they came: {error}")
    else:
        if why := why_unread(session):
            _remark(f"signed values that no software reads are left out: {why}")
    if output is None:
        click.get_binary_stream("stdout").write(record.data)
        return
    try:
        output.write_bytes(record.data)
    except OSError as error:
        _fail(f"{output} cannot be written: {error.strerror or error}")
    ERR.print(f"written: {escape(str(output))}")


def _remark(text: str) -> None:
    ERR.print(f"[yellow]note:[/] {escape(text)}")


def _fail(problem: str) -> NoReturn:
    ERR.print(f"[bold red]wattbook:[/] {escape(problem)}")
    sys.exit(1)
