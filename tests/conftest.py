"""What all tests share."""

from __future__ import annotations

from hypothesis import settings

# Machines differ, and a busy one is no bug: no example has a time limit of its own.
# The same examples in every run: a test that fails now and then tells nobody what broke it. To look further:
# pytest --hypothesis-profile=explore
settings.register_profile("jstorrent", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None)
settings.load_profile("jstorrent")
