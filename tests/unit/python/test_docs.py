"""The documents tell the truth: snippets run, public names are shown, stable words and migration names are the module's."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import jstorrent as jst
import pytest
from jstorrent import _core, _errors

ROOT = Path(__file__).resolve().parents[3]
DOCS = ROOT / "docs"
GUIDES = ["python.md"]
KINDS = ["", "Error", "ParseError", "DiskError", "NetworkError", "TimeoutError", "SettingsError", "RemovedError"]


def snippets(name: str) -> list[tuple[int, str]]:
    """Line and text of each block marked runnable."""
    text = (DOCS / name).read_text()
    return [(text[: m.start()].count("\n") + 2, m[1]) for m in re.finditer(r"^```python runnable\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)]


@pytest.mark.parametrize("name", GUIDES)
def test_the_snippets_run_one_after_the_other(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocks, script = snippets(name), ""
    assert len(blocks) >= 8
    for line, source in blocks:
        script += "\n" * (line - 1 - script.count("\n")) + source  # lines as in the document
    (tmp_path / "snippets.py").write_text(script)
    runpy.run_path(str(tmp_path / "snippets.py"))


def test_every_public_name_is_in_a_snippet() -> None:
    shown = "".join(source for name in GUIDES for _, source in snippets(name))
    missing = [name for name in jst.__all__ if f"jst.{name}" not in shown]
    assert not missing


def test_every_public_member_of_a_torrent_and_a_session_is_shown_or_in_the_migration_table() -> None:
    shown = "".join(source for name in GUIDES for _, source in snippets(name))
    shown += (DOCS / "migrating-from-libtorrent.md").read_text()
    members = {name for cls in (jst.Torrent, jst.Session) for name in vars(cls) if not name.startswith("_")}
    rare = {"to_dict", "active_pieces", "in_endgame", "info_hash_v2", "metainfo", "magnet", "wait_metadata"}
    assert {name for name in members - rare if not re.search(rf"\.{name}\b", shown)} == set()


def table_words(heading: str) -> list[str]:
    section = (DOCS / "events.md").read_text().split(f"\n## {heading}")[1].split("\n## ")[0]
    return re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)


def test_events_states_and_reasons_are_the_engines() -> None:
    assert tuple(table_words("Events")) == _core.event_classes
    assert tuple(table_words("States")) == _core.states
    assert tuple(table_words("Why a link ended")) == _core.close_reasons


def test_error_codes_are_the_engines() -> None:
    rows = [f"| `{code}` | `{KINDS[kind]}` | {text} |" for code, (kind, text) in _core.error_codes.items() if kind]
    table = "\n".join(["| code | exception | meaning |", "|---|---|---|", *rows, ""])
    text = (DOCS / "events.md").read_text()
    assert text.endswith("\n" + table), f"docs/events.md must end with:\n{table}"
    for kind in KINDS[1:]:
        assert issubclass(getattr(_errors, kind), jst.Error)


def migration_names() -> list[str]:
    rows = re.findall(r"^\|[^|]*\|([^|]*)\|$", (DOCS / "migrating-from-libtorrent.md").read_text(), re.MULTILINE)
    return [code for cell in rows for code in re.findall(r"`([^`]+)`", cell) if code != "-"]


@pytest.mark.parametrize("code", sorted(set(migration_names())))
def test_names_of_the_migration_table_exist(code: str) -> None:
    owners = {"jst": jst, "session": jst.Session, "torrent": jst.Torrent, "metainfo": jst.Metainfo,
              "status": jst.TorrentStatus, "counters": jst.Counters, "Metainfo": jst.Metainfo, "Magnet": jst.Magnet}  # fmt: skip
    paths = re.findall(r"\b(jst|session|torrent|metainfo|status|counters|Metainfo|Magnet)\.(\w+)", code)
    assert all(hasattr(owners[owner], name) for owner, name in paths), code
    if re.fullmatch(r"\w+", code):
        assert hasattr(jst, code) or code in {row[0] for row in _core.settings_schema}, code
