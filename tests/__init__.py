"""The tests are a package so that rooms may share names of files, and what is shared can be imported: `tests.notation`."""
