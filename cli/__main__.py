"""`python -m taskpaint.cli`, the same as the `taskpaint` command."""

from . import main

main()
