"""What all tests share."""

from __future__ import annotations

from hypothesis import settings

# Machines differ, and a busy one is no bug: no example has a time limit of its own.
settings.register_profile("jstorrent", deadline=None)
settings.load_profile("jstorrent")
