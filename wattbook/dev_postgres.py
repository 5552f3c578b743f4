"""PostgreSQL on loopback, for trying out and for tests: Debian's programs, a cluster of our own beside any other.

It refuses to run as root, so where we are root it runs as the user postgres (or nobody), who owns its folder. Only 127.0.0.1
is listened on, with a password (SCRAM) that was made for this cluster; there is no socket in the file system. fsync stays on:
this is the durable store, and a test that turned it off would show rates and guarantees that nobody has.
"""

import shutil
import signal
import uuid
from pathlib import Path

from wattbook.dev_process import LOOPBACK, ServerProcess, ServersError, program, run_to_end, whom_to_run_as

_DEBIAN = Path("/usr/lib/postgresql")
_PACKAGE = "postgresql"
_USER = _DATABASE = "wattbook"
_START_S_MAX = 180
_STOP_S_MAX = 60


class PostgresServer:
    """One cluster with the database `wattbook` and as many others as are asked for."""

    def __init__(self, folder: Path, port: int, password: str) -> None:
        self.folder, self._port, self._password = folder, port, password
        self._data = folder / "data"
        self._runs_as = whom_to_run_as()
        self._process: ServerProcess | None = None

    @property
    def url(self) -> str:
        """Where the database `wattbook` is."""
        return self._url(_DATABASE)

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def processes(self) -> tuple[ServerProcess, ...]:
        """Its process, once it was started."""
        return (self._process,) if self._process else ()

    def start(self) -> None:
        """Start it and wait until it answers a question; what was committed before is there."""
        is_new = not (self._data / "PG_VERSION").exists()
        if is_new:
            self._make_cluster()
        self._process = self._process or self._server()
        self._process.launch()
        self._process.wait_until(self._answers, _START_S_MAX)
        if is_new:
            self._ask(f"CREATE DATABASE {_DATABASE}")

    def stop(self) -> None:
        """Fast shutdown: open transactions are rolled back, connections are closed."""
        self._end(signal.SIGINT)

    def crash(self) -> None:
        """As when the power fails: nothing is tidied up, and the next start replays the write-ahead log."""
        self._end(signal.SIGQUIT)

    def restart(self) -> None:
        self.stop()
        self.start()

    def new_database(self) -> str:
        """The URL of an empty database that nobody else uses."""
        name = f"{_DATABASE}_{uuid.uuid4().hex[:12]}"
        self._ask(f"CREATE DATABASE {name}")
        return self._url(name)

    def drop_database(self, url: str) -> None:
        """Throw a database away, whoever is still connected to it."""
        self._ask(f'DROP DATABASE "{url.rpartition("/")[2]}" WITH (FORCE)')

    def _url(self, database: str) -> str:
        return f"postgresql://{_USER}:{self._password}@{LOOPBACK}:{self._port}/{database}"

    def _end(self, how: signal.Signals) -> None:
        if self._process:
            self._process.signal(how)
            self._process.wait_for_end(_STOP_S_MAX)

    def _make_cluster(self) -> None:
        initdb = _program("initdb")
        self.folder.mkdir(parents=True, exist_ok=True)
        if self._runs_as:
            shutil.chown(self.folder, self._runs_as)
        self._check_folder()
        secret = self.folder / "password"
        secret.touch(mode=0o600)
        secret.write_text(self._password)
        if self._runs_as:
            shutil.chown(secret, self._runs_as)
        options = ["--auth=scram-sha-256", f"--username={_USER}", f"--pwfile={secret}", "--encoding=UTF8", "--no-locale"]
        try:
            run_to_end([initdb, "-D", str(self._data), *options], cwd=self.folder, user=self._runs_as)
        finally:
            secret.unlink()

    def _check_folder(self) -> None:
        try:
            run_to_end(["test", "-w", str(self.folder)], cwd=Path("/"), user=self._runs_as)
        except ServersError:
            who = self._runs_as or "this user"
            raise ServersError(
                f"{self.folder} cannot be entered by {who}, who runs PostgreSQL since it refuses root: name another folder"
            ) from None

    def _server(self) -> ServerProcess:
        options = {"listen_addresses": LOOPBACK, "port": self._port, "unix_socket_directories": "", "max_connections": 200}
        command = [_program("postgres"), "-D", str(self._data)]
        command += [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        return ServerProcess(name="postgres", command=command, folder=self.folder, user=self._runs_as, dies_by=signal.SIGINT)

    def _answers(self) -> bool:
        try:
            return self._ask("SELECT 1").strip() == "1"
        except ServersError:
            return False

    def _ask(self, question: str) -> str:
        where = ["-h", LOOPBACK, "-p", str(self._port), "-U", _USER, "-d", "postgres"]
        plain = ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-w"]
        command = [_program("psql"), *plain, *where, "-c", question]
        return run_to_end(command, cwd=self.folder, env={"PGPASSWORD": self._password})


def _program(name: str) -> str:
    """From the newest version that Debian has installed, else from PATH."""
    versions = sorted(_DEBIAN.glob("*/bin"), key=lambda path: _number(path.parent.name), reverse=True)
    return program(name, _PACKAGE, versions)


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
