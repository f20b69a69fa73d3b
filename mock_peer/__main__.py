"""One scripted peer from a shell: python -m mock_peer --help."""

import sys

from mock_peer._cli import main

if __name__ == "__main__":
    sys.exit(main())
