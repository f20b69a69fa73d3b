"""`python -m jstorrent.cli` is the same as `jstorrent`."""

from jstorrent.cli import main

main()
