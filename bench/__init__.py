"""What the engine costs beside libtorrent, measured in one interleaved run. `python -m bench --help`."""
