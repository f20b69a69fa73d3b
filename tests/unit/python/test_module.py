"""What the built module shows to other extensions in the same process."""

import shutil
import subprocess

import pytest
from jstorrent import _core


@pytest.mark.skipif(shutil.which("nm") is None, reason="nm is not installed")
def test_only_the_entry_point_leaves_the_module() -> None:
    """Boost's unique symbols would bind across modules: python-libtorrent and we would corrupt each other."""
    listed = subprocess.run(["nm", "-D", "--defined-only", _core.__file__], capture_output=True, text=True, check=True)
    names = {line.split()[-1] for line in listed.stdout.splitlines()}
    assert names == {"PyInit__core"}
