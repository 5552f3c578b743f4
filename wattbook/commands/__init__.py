"""The command line, one file per noun; each only gathers, calls, and prints."""
