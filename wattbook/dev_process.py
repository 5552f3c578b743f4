"""A server as our child: started, waited for, stopped; and gone when we are gone, even by SIGKILL.

Linux sends a child the signal of its choice when its parent dies (prctl, PR_SET_PDEATHSIG; `setpriv --pdeathsig` asks for it).
That parent is a thread: one that lives as long as this process therefore starts all servers, whoever asks.
A child has a session of its own, so that Ctrl-C reaches us alone and we decide the order in which things stop.
"""

import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

LOOPBACK = "127.0.0.1"
_PORTS = range(20_000, 32_768)
_LOG_LINES_SHOWN = 15
_NO_OTHER_GROUPS: tuple[str, ...] = ()
_parent = ThreadPoolExecutor(max_workers=1, thread_name_prefix="parent-of-servers")


class ServersError(Exception):
    """A server for trying out cannot be started or stopped; the message says what to install or to change."""


def free_ports(count: int) -> list[int]:
    """Loopback ports that nobody listens on.

    They lie below those that Linux gives to outgoing connections. Else a client that keeps trying a broker which is down
    would one day be given that very port, connect to itself, and keep the broker from coming back.
    """
    found: list[int] = []
    for port in random.sample(_PORTS, len(_PORTS)):  # nothing secret: neighbours shall seldom meet
        if len(found) == count:
            break
        with socket.socket() as candidate:
            candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if candidate.connect_ex((LOOPBACK, port)) != 0 and _may_bind(port):
                found.append(port)
    return found


def _may_bind(port: int) -> bool:
    with socket.socket() as candidate:
        try:
            candidate.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def whom_to_run_as() -> str | None:
    """The user for a server that refuses root: Debian's postgres, else nobody. None where we are not root ourselves."""
    if os.geteuid() != 0:
        return None
    names = {user.pw_name for user in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def program(name: str, install: str, folders: Sequence[Path] = ()) -> str:
    """The path of a program, from these folders or PATH. Raises ServersError with the package that brings it."""
    for folder in folders:
        if found := shutil.which(name, path=folder):
            return found
    if found := shutil.which(name):
        return found
    raise ServersError(f"the program {name} is missing: install it with `apt-get install {install}`")


def run_to_end(command: Sequence[str], cwd: Path, user: str | None = None, env: dict[str, str] | None = None) -> str:
    """What a command prints. Raises ServersError with all of it, if it fails."""
    done = subprocess.run(  # noqa: S603  # commands are ours
        command,
        cwd=cwd,
        env=os.environ | (env or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        user=user,
        group=_group(user),
        extra_groups=_NO_OTHER_GROUPS if user else None,
    )
    printed = done.stdout.decode(errors="replace")
    if done.returncode != 0:
        raise ServersError(f"{Path(command[0]).name} failed with status {done.returncode}:\n{printed.strip()}")
    return printed


def _group(user: str | None) -> int | None:
    return pwd.getpwnam(user).pw_gid if user else None


@dataclass(kw_only=True)
class ServerProcess:
    """One server: what it is called, how it is started, and who it runs as (None: we)."""

    name: str
    command: Sequence[str]
    folder: Path
    user: str | None = None
    dies_by: signal.Signals
    """What it is sent when we die."""
    _child: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        """Where it writes what it has to say."""
        return self.folder / f"{self.name}.log"

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child and self._child.poll() is None else None

    def launch(self) -> None:
        """Start it, and do not wait. Starting what runs already changes nothing."""
        if self.pid is not None:
            return
        setpriv = [program("setpriv", "util-linux"), f"--pdeathsig={self.dies_by.name.removeprefix('SIG')}", "--"]
        _parent.submit(self._spawn, [*setpriv, *self.command]).result()

    def _spawn(self, command: Sequence[str]) -> None:
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(  # noqa: S603  # commands are ours
                command,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=self.user,
                group=_group(self.user),
                extra_groups=_NO_OTHER_GROUPS if self.user else None,
            )

    def wait_until(self, answers: Callable[[], bool], within_s: int) -> None:
        """Wait until it answers. Raises ServersError with the end of its log, if it ends before that or takes longer."""
        give_up_at = time.monotonic() + within_s
        while not answers():
            if self._child is None or self._child.poll() is not None:
                raise ServersError(f"{self.name} ended as it started. {self.last_words()}")
            if time.monotonic() > give_up_at:
                raise ServersError(f"{self.name} does not answer after {within_s} s. {self.last_words()}")
            time.sleep(0.05)

    def signal(self, how: signal.Signals) -> None:
        if self.pid is not None:
            os.kill(self.pid, how)

    def wait_for_end(self, within_s: int) -> None:
        """Wait until it has ended after a signal; what takes longer is killed."""
        if self._child is None:
            return
        try:
            self._child.wait(within_s)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()

    def last_words(self) -> str:
        """The end of its log, which is named without its folder: that may be a temporary one, and gone when this is read."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join([f"The end of its log, {self.log.name}:", *lines[-_LOG_LINES_SHOWN:]])
