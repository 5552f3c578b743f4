"""Reference data: read from files, sealed, set."""
