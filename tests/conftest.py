"""Settings of all tests: properties have no deadline, since the machine is shared and nothing here is timed.

The fixtures of tests/servers.py are known to every test; a server starts when the first test asks for it.
"""

from hypothesis import settings

from tests.servers import database, kafka, kafka3, postgres, prefix, servers_folder

__all__ = ["database", "kafka", "kafka3", "postgres", "prefix", "servers_folder"]

settings.register_profile("wattbook", deadline=None)
settings.load_profile("wattbook")
