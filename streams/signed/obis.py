"""Registers by their OBIS codes: which may be billed, which count what was fed back, and whether two texts name the same.

    A-B:C.D.E[*F]    IEC 62056-61, "1-0:1.8.0*198": F is decimal
    A-B:C.D.E.F      two hex digits each, "01-00:01.08.00.FF", as OCMF meters write it

The field mixes both: "1-b:1.8.0", "1-b:1.8.e" (hex), "1-0:98.8.0". Groups are therefore compared as they are written,
without leading zeros, as the transparency software does. Energy that is billed has A = 1 and D = 8, or D = 17, the register of
meters that sign with EDL 40. C says what is counted (OCMF 1.4, table of reserved codes):

    1, 9E            taken from the grid
    98               the same less what the cable lost
    B0 ... B7        import of OCMF 1.4: B1 and B3 are compensated
    2, C0 ... C7     fed back: C1 and C3 are compensated; never billed, though other verifiers let them pass

F must be absent, 0 or 255 (the total), or 200 (the total of EDL 40 less what the cable lost). Any other F is of a register that
only its maker can explain (*198 is the session's energy at one of them): the operator may allow it by name. PCDF counts a
session's energy and calls it 128.8.0, without A and B.
"""

import re
from collections.abc import Collection
from functools import lru_cache
from typing import NamedTuple

PCDF_SESSION = "128.8.0"
_CODE = re.compile(
    r"([0-9a-f]{1,2})-([0-9a-f]{1,2}):([0-9a-f]{1,2})\.([0-9a-f]{1,2})\.([0-9a-f]{1,2})(?:(\*)([0-9]{1,3})|\.([0-9a-f]{1,2}))?"
)
_COMPENSATED = frozenset(["98", "b1", "b3", "c1", "c3"])
_IMPORT = frozenset(["1", "128", "98", "9e", "b0", "b1", "b2", "b3", "b4", "b5", "b6", "b7"])
_EXPORT = frozenset(["2", "c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7"])
_TOTAL, _TOTAL_COMPENSATED = 255, 200
_LENGTH_MAX = 40  # of a code that is looked at, and kept


class _Code(NamedTuple):
    a: str
    b: str
    c: str
    d: str
    e: str
    f: int  # 255 where it is left out or 0


def text_of(code: bytes) -> str:
    """A code of six bytes, as SML holds it: "1-0:1.17.0*255"."""
    a, b, c, d, e, f = code
    return f"{a}-{b}:{c}.{d}.{e}*{f}"


def is_import(register: str, allowed: Collection[str] = ()) -> bool:
    """Whether its energy may be billed. `allowed`: registers beside, that the operator knows by his meters."""
    code = _code(register)
    if code is None:
        return False
    return (_is_total(code) and code.c in _IMPORT) or (code.c not in _EXPORT and any(_code(one) == code for one in allowed))


def is_compensated(register: str) -> bool:
    """Whether what the cable lost is taken off: where a record holds such a register, it is billed and the plain one is not."""
    code = _code(register)
    return code is not None and (code.c in _COMPENSATED or code.f == _TOTAL_COMPENSATED)


def is_export(register: str) -> bool:
    """Whether it counts what was fed back, whatever its F."""
    code = _code(register)
    return code is not None and code.c in _EXPORT and _is_energy(code)


def same_register(one: str, other: str) -> bool:
    """Whether both name the same, however they are spelt. A text that is no code is only the same as itself."""
    return canonical(one) == canonical(other)


def canonical(register: str) -> str:
    """One text for all spellings of a register; what is no code stays as it is."""
    code = _code(register)
    return register.strip() if code is None else f"{code.a}-{code.b}:{code.c}.{code.d}.{code.e}*{code.f}"


def counts_on(register: str) -> bool:
    """Whether it counts for life, from one session to the next; a session's own register begins each anew."""
    code = _code(register)
    return code is not None and _is_total(code) and code.c != "128"


def is_whole(register: str) -> bool:
    """Whether it counts all of the energy, not what came at one tariff of several (E)."""
    code = _code(register)
    return code is None or code.e == "0"


def _is_energy(code: _Code) -> bool:
    return code.a == "1" and code.d in ("8", "17")


def _is_total(code: _Code) -> bool:
    return _is_energy(code) and code.f in (_TOTAL, _TOTAL_COMPENSATED)


def _code(register: str) -> _Code | None:
    return _read(register) if len(register) <= _LENGTH_MAX else None


@lru_cache(maxsize=1024)
def _read(register: str) -> _Code | None:
    if register == PCDF_SESSION:
        return _Code("1", "0", "128", "8", "0", _TOTAL)
    found = _CODE.fullmatch(register.strip().lower())
    if found is None:
        return None
    a, b, c, d, e = (group.lstrip("0") or "0" for group in found.groups()[:5])
    f = int(found[7]) if found[6] else int(found[8] or "ff", 16)
    return _Code(a, b, c, "17" if d == "11" and found[8] else d, e, f or _TOTAL)
