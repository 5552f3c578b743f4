"""The application: settings, wiring, command line, HTTP, the demo. It imports every room and is imported by none."""
