"""What importing the package costs, and what it says of itself."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import jstorrent as jst

ROOT = Path(__file__).resolve().parents[3]


def test_only_what_is_needed_is_imported() -> None:
    code = "import sys, jstorrent; print([m for m in ('asyncio', 'importlib.metadata', 'ssl', 'http') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_one_version_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert jst.__version__ == project["version"]
    assert jst.Settings().user_agent == f"jstorrent/{jst.__version__}"
