"""Whether this process runs under a sanitizer (`make asan`, `make tsan`), for the few tests that cannot mean anything there."""

import os

import pytest

_PRELOADED = os.environ.get("LD_PRELOAD", "")

UNDER_A_SANITIZER = "san.so" in _PRELOADED

times_mean_nothing = pytest.mark.skipif(UNDER_A_SANITIZER, reason="a sanitizer slows its own code only, and takes memory")
signals_are_caught = pytest.mark.skipif(UNDER_A_SANITIZER, reason="a sanitizer makes an end of its own of SIGSEGV and SIGBUS")
needs_descriptors = pytest.mark.skipif("libasan" in _PRELOADED, reason="UBSan reads a vptr by way of a pipe, and there are none left here")
starts_others = pytest.mark.skipif(UNDER_A_SANITIZER, reason="a sanitizer is preloaded into other clients, too, and is not for them")
