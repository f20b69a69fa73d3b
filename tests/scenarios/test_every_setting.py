"""No setting without a test that it acts: each is named as an argument in a test that runs an engine."""

import re
from pathlib import Path

import pytest
from jstorrent import _core

_TESTS = Path(__file__).resolve().parent.parent
_FOLDERS = ("scenarios", "unit/lab", "unit/python", "flow", "interop")
# Checks values of settings, not what they do.
_VALUES_ONLY = {"test_settings.py", "test_public.py", Path(__file__).name}
# Of features that are not there yet: they accept only "off", or nothing reads them. The list only shrinks.
NOT_YET = {
    "dht", "dht_bootstrap", "pex", "lsd", "port_mapping", "encryption", "proxy",
}  # fmt: skip

NAMES = [name for name, *_ in _core.settings_schema]


@pytest.fixture(scope="module")
def text() -> str:
    files = [p for folder in _FOLDERS for p in sorted((_TESTS / folder).glob("*.py")) if p.name not in _VALUES_ONLY]
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


def test_what_is_not_there_yet_is_a_setting() -> None:
    assert set(NAMES) >= NOT_YET


@pytest.mark.parametrize("name", [name for name in NAMES if name not in NOT_YET])
def test_it_is_set_in_some_test(name: str, text: str) -> None:
    assert re.search(rf'\b{name}=|"{name}"', text), f"{name}: no test sets it"
