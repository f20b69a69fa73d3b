"""The page on the mock peer says what the code says."""

from pathlib import Path

from mock_peer import AUTO, EVENTS, KINDS, table

PAGE = (Path(__file__).parents[3] / "docs" / "mock-peer.md").read_text(encoding="utf-8")


def test_the_table_of_behaviours_is_that_of_the_code() -> None:
    assert table() in PAGE, "paste what mock_peer.table() gives"


def test_each_kind_says_what_it_does_and_when() -> None:
    for kind in KINDS.values():
        assert (kind.__doc__ or "").endswith(".")
        assert kind.trigger({name: arg.default for name, arg in kind.args.items()}) in EVENTS


def test_each_word_of_auto_is_explained() -> None:
    assert [word for word in AUTO if f"| `{word}` |" not in PAGE] == []
