"""`python -m bench`."""

import signal
import sys
from types import FrameType

from bench.run import main


def _end(signum: int, frame: FrameType | None) -> None:
    sys.exit(128 + signum)  # past every `with`, so that no client is left behind


signal.signal(signal.SIGTERM, _end)
sys.exit(main(sys.argv[1:]))
