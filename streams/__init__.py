"""The log, its hash chain and replay; the steps that conclude sessions from events; the runtimes that drive the steps."""
