"""Files of signed values as the command line reads them, and the keys of the home that they are checked with."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from streams.catalogue import Catalogue
from streams.signed.file_check import Known
from streams.signed.keys import read_key
from vocabulary.reference import Evse
from wattbook.settings import Settings

MAX_BYTES = 16 * 1024 * 1024
STDIN = "-"


class Unreadable(Exception):
    """A file that cannot be read: the message says what it is and what to do."""


def read_file(name: str) -> bytes:
    """Raises Unreadable. `-` is standard input."""
    if name == STDIN:
        return _bounded(sys.stdin.buffer)
    try:
        with Path(name).open("rb") as file:
            return _bounded(file)
    except FileNotFoundError:
        raise Unreadable("there is no such file: check the path") from None
    except IsADirectoryError:
        raise Unreadable("it is a folder: name the files in it") from None
    except OSError as error:
        raise Unreadable(f"{error.strerror or error}: check that it may be read") from None


def _bounded(file: BinaryIO) -> bytes:
    data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise Unreadable(f"it is larger than {MAX_BYTES // 1024 // 1024} MB, which no signed values are: split it")
    return data


def registered_keys(settings: Settings) -> tuple[Known, ...]:
    """The meter keys of the home, of every EVSE as it was published last; none where there is no home."""
    if isinstance(settings.database_place, Path) and not settings.database_place.exists():
        return ()
    from streams.embedded_runtime import catalogue_in  # with all that is stored: whoever gives a key need not wait for it
    from wattbook.wiring import open_app

    app = open_app(settings, read_only=True)
    try:
        with app.reading() as store:
            sites = [versions.values[-1] for versions in catalogue_in(store.log).sites.values()]
    finally:
        app.close()
    return tuple(dict.fromkeys(known for site in sites for evse in site.evses for known in _known(evse)))


def keys_ever(catalogue: Catalogue) -> tuple[Known, ...]:
    """All meter keys that were ever registered: a record names the one that it was checked with."""
    sites = (site for versions in catalogue.sites.values() for site in versions.values)
    return tuple(dict.fromkeys(known for site in sites for evse in site.evses for known in _known(evse)))


def _known(evse: Evse) -> Iterator[Known]:
    for key in evse.meter_keys:
        yield Known(read_key(key.public_key), evse.evse_id, key.meter, key.valid_from, key.valid_until)
