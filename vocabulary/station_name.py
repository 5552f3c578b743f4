"""The name under which a station is known: what its connection URL ends with, percent-decoded.

OCPP 2.x says identifierString of at most 48 characters (part 4 §3.1.1; part 2, primitive datatypes); 1.6 says nothing more
than that it is percent-encoded (OCPP-J 1.6 §3.1.1). The stricter rule holds for all, so a name is safe in paths and log lines.
`.` and `..` are no names: in a path they are the folder itself and the one above it.
"""

import re
from typing import Final

from vocabulary.identity import StationId

NAME_LENGTH_MAX: Final = 48
RULE: Final = f"1 to {NAME_LENGTH_MAX} of the characters A-Z a-z 0-9 * - _ = : + | @ . (and not . or .. alone)"

_NAME = re.compile(rf"(?!\.{{1,2}}\Z)[A-Za-z0-9*\-_=:+|@.]{{1,{NAME_LENGTH_MAX}}}")


def station_name(text: str) -> StationId | None:
    """The name, or None where the text is none."""
    return StationId(text) if _NAME.fullmatch(text) else None
