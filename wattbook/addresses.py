"""Addresses of servers, host:port, as people write them: what is wrong with one, in words."""

import re
from collections.abc import Sequence

_ADDRESS = re.compile(r"(?P<host>[^\s,/@:\[\]]+|\[[0-9A-Fa-f:.]+\])?(:(?P<port>.*))?")
_PORT_MAX = 65535


def fault_of_servers(addresses: Sequence[str]) -> str | None:
    """The first fault in a list of which each must have a port, and none may stand there twice; None: there is none."""
    for number, address in enumerate(addresses):
        if not address:
            return "nothing stands before or after a comma"
        if fault := fault_of_server(address, needs_port=True):
            return fault
        if address.casefold() in map(str.casefold, addresses[:number]):
            return f"`{address}` stands there twice"
    return None


def fault_of_server(address: str, needs_port: bool = False) -> str | None:
    """What is wrong with one; None: nothing."""
    if "," in address:
        return f"`{address}` is more than one server"
    parts = _ADDRESS.fullmatch(address)
    if parts is None:
        return f"`{address}` is not host:port"
    if parts["host"] is None:
        return f"`{address}` names no host"
    if parts["port"] is None:
        return f"`{address}` names no port" if needs_port else None
    if not _is_port(parts["port"]):
        return f"`{parts['port']}` in `{address}` is no port, which is a number from 1 to {_PORT_MAX}"
    return None


def _is_port(text: str) -> bool:
    return re.fullmatch(r"[1-9][0-9]{0,4}", text) is not None and int(text) <= _PORT_MAX
