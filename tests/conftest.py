"""Settings of all tests: properties have no deadline, since the machine is shared and nothing here is timed.

`./run test` tries other examples each time. `./run check` tries the same ones until the test is changed: whether a commit
passes is not chance, and what it fails on fails again.

The fixtures of tests/servers.py are known to every test; a server starts when the first test asks for it.
"""

import pytest
from hypothesis import settings

from tests.servers import database, kafka, kafka3, postgres, prefix, servers_folder

__all__ = ["database", "kafka", "kafka3", "postgres", "prefix", "servers_folder"]

settings.register_profile("wattbook", deadline=None)
settings.register_profile("same-examples", deadline=None, derandomize=True)
settings.load_profile("wattbook")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`./run test tests/cases --update` rewrites what is expected, so that the difference can be reviewed."""
    parser.addoption("--update", action="store_true", help="write what follows now into the cases' expected.txt")


@pytest.fixture
def update(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update"))
