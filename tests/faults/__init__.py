"""Many faults at random moments, and the same result: `python -m tests.faults --seed N --kills 50`."""
