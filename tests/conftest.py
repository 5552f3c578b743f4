"""Settings of all tests: properties have no deadline, since the machine is shared and nothing here is timed."""

from hypothesis import settings

settings.register_profile("wattbook", deadline=None)
settings.load_profile("wattbook")
