"""Files of signed values as the command line reads them, and the keys of the home that they are checked with."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from streams.catalogue import Catalogue
from streams.signed.file_check import Known
from streams.signed.keys import read_key
from vocabulary.reference import MeterKey
from wattbook.settings import Settings

if TYPE_CHECKING:
    from wattbook.trusted_keys import TrustedKey

MAX_BYTES = 16 * 1024 * 1024
STDIN = "-"


class FileUnreadable(Exception):
    """A file that cannot be read: the message says what it is and what to do."""


def read_file(name: str) -> bytes:
    """Raises FileUnreadable. `-` is standard input."""
    if name == STDIN:
        return _bounded(sys.stdin.buffer)
    try:
        with Path(name).open("rb") as file:
            return _bounded(file)
    except FileNotFoundError:
        raise FileUnreadable("there is no such file: check the path") from None
    except IsADirectoryError:
        raise FileUnreadable("it is a folder: name the files in it") from None
    except OSError as error:
        raise FileUnreadable(f"{error.strerror or error}: check that it may be read") from None


def _bounded(file: BinaryIO) -> bytes:
    data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise FileUnreadable(f"it is larger than {MAX_BYTES // 1024 // 1024} MB, which no signed values are: split it")
    return data


def registered_keys(settings: Settings) -> tuple[Known, ...]:
    """The meter keys of the home, of its sites and of its register; none where there is no home."""
    if isinstance(settings.database_place, Path) and not settings.database_place.exists():
        return ()
    from streams.embedded_runtime import catalogue_in  # with all that is stored: whoever gives a key need not wait for it
    from wattbook.trusted_keys import trusted_keys
    from wattbook.wiring import open_app

    app = open_app(settings, read_only=True)
    try:
        with app.reading() as store:
            listed = trusted_keys(catalogue_in(store.log), None, datetime.now(UTC))
    finally:
        app.close()
    return tuple(dict.fromkeys(_known(key.evse_id, key) for key in listed))


def keys_ever(catalogue: Catalogue) -> tuple[Known, ...]:
    """All meter keys that were ever registered: a record names the one that it was checked with."""
    sites = (site for versions in catalogue.sites.values() for site in versions.values)
    carried = ((evse.evse_id, key) for site in sites for evse in site.evses for key in evse.meter_keys)
    added = ((fact.evse_id, fact.key) for facts in catalogue.meter_keys.values() for fact in facts)
    return tuple(dict.fromkeys(_known(evse_id, key) for evse_id, key in (*carried, *added)))


def _known(evse_id: str, key: "MeterKey | TrustedKey") -> Known:
    return Known(read_key(key.public_key), evse_id, key.meter, key.valid_from, key.valid_until, key.registers)
