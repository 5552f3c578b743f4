"""`python -m wattbook` is the command `wattbook`."""

from wattbook.cli import main

main()
