"""`python -m jstorrent`: the command `jstorrent` of this very Python."""

from jstorrent.cli import main

if __name__ == "__main__":
    main()
