"""Whether this process runs under a sanitizer (`make asan`, `make tsan`), for the few tests that cannot mean anything there."""

import os

import pytest

_PRELOADED = os.environ.get("LD_PRELOAD", "")

times_mean_nothing = pytest.mark.skipif("san.so" in _PRELOADED, reason="a sanitizer slows its own code only")
needs_descriptors = pytest.mark.skipif("libasan" in _PRELOADED, reason="UBSan reads a vptr by way of a pipe, and there are none left here")
