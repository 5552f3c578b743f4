"""`wattbook signed`: verify files of signed meter values, from whatever back end they come."""

import sys

import click

from streams.signed.file_check import FileChecked, Known, check_file
from streams.signed.keys import read_key
from vocabulary.codec import as_plain
from vocabulary.signatures import Verdict
from wattbook.commands.output import ERR, escape, json_option, pass_settings, print_json
from wattbook.commands.signed_text import show_file, show_sum
from wattbook.settings import Settings
from wattbook.signed_files import STDIN, FileUnreadable, read_file, registered_keys

VERIFIED, FAILED, UNVERIFIABLE, UNREAD = 0, 1, 3, 4  # 2 is a wrong usage


@click.group()
def signed() -> None:
    """Signed meter values in files: OCMF, EDL40, Mennekes, Isabellenhütte, Alfen, PCDF, chargeIT, in XML or as they are."""


@signed.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--key", "keys", multiple=True, metavar="KEY", help="A public key to trust, in any writing; several may be given."
)
@click.option("--key-file", "key_files", multiple=True, metavar="FILE", help="The same, or DER as it is, in a file.")
@json_option
@pass_settings
def verify(
    settings: Settings, files: tuple[str, ...], keys: tuple[str, ...], key_files: tuple[str, ...], as_json: bool
) -> None:
    """Verify the signed values in each FILE; - is standard input.

    Reads the XML of the S.A.F.E. transparency software, PTB's JSON, and records as they are, and keeps nothing. Without --key,
    records are checked with the meter keys that the home has registered, where there is a home, else with the key in the file:
    what that one verifies fits itself, and says nothing of who signed it.

    \b
    The status is
      0  every record is verified
      1  a record failed: it, its signature or its key was changed
      2  the command is not written as it should be
      3  none failed, and of one nothing can be said: no key, or a format that is not known
      4  a file cannot be read
    Whether a transaction may be billed by its records is told beside, and does not change the status.
    """
    given = [*(_given(key) for key in keys), *map(_in_file, key_files)]
    known = given or registered_keys(settings)
    checked: list[tuple[str, FileChecked]] = []
    unread: list[tuple[str, str]] = []
    for name in dict.fromkeys(files):
        try:
            checked.append((_shown(name), check_file(read_file(name), known, only_known=bool(given))))
        except FileUnreadable as error:
            unread.append((_shown(name), str(error)))
    for name, why in unread:
        ERR.print(f"[yellow]not read[/] {escape(name)}: {escape(why)}")
    status = _status([file for _, file in checked], bool(unread))
    if as_json:
        print_json(
            {
                "status": status,
                "files": [{"file": name, "verdict": file.verdict, **as_plain(file)} for name, file in checked],
                "not_read": [{"file": name, "why": why} for name, why in unread],
            }
        )
    else:
        for name, file in checked:
            show_file(name, file)
        show_sum([file for _, file in checked])
    sys.exit(status)


def _given(text: str, option: str = "--key") -> Known:
    try:
        return Known(read_key(text))
    except ValueError as error:
        raise click.BadParameter(f"the key {error}", param_hint=option) from None


def _in_file(name: str) -> Known:
    try:
        data = read_file(name)
    except FileUnreadable as error:
        raise click.BadParameter(f"{name}: {error}", param_hint="--key-file") from None
    try:
        return _given(data.decode(), "--key-file")
    except UnicodeDecodeError:
        return _given(data.hex(), "--key-file")


def _shown(name: str) -> str:
    return "standard input" if name == STDIN else name


def _status(files: list[FileChecked], is_unread: bool) -> int:
    """The worst, where there is more than one: what failed is told before what could not be read."""
    verdicts = {file.verdict for file in files}
    if Verdict.FAILED in verdicts:
        return FAILED
    if is_unread:
        return UNREAD
    return UNVERIFIABLE if Verdict.UNVERIFIABLE in verdicts else VERIFIED
