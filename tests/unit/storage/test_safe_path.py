"""Names from a torrent become harmless, unique paths (storage/safe_path, storage/unicode)."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jstorrent import _errors as jstorrent
from jstorrent._core import lab

storage = lab.storage


def safe(name: bytes | str) -> str:
    raw = name if isinstance(name, bytes) else name.encode()
    return storage.safe_component(raw).decode()


def paths(*files: str | bytes | list[bytes], root: bytes = b"") -> list[str]:
    given_files = []
    for file in files:
        if isinstance(file, str):
            file = file.encode()
        given_files.append((file if isinstance(file, list) else file.split(b"/"), True))
    return [p.decode() for p in storage.safe_paths(root, given_files)]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"plain.txt", "plain.txt"),
        (b"Wait for it...", "Wait for it"),
        (b"..", "_"),
        (b".", "_"),
        (b"", "_"),
        (b"...", "_"),
        (b"   ", "_"),
        (b"a/b", "a_b"),
        (b"a\\b", "a_b"),
        (b"/etc/passwd", "_etc_passwd"),
        (b"C:", "C_"),
        (b"c:\\windows", "c__windows"),
        (b"Star Trek: Picard", "Star Trek: Picard"),
        (b"nul\0byte", "nul_byte"),
        (b"bell\x07\x1b[31m", "bell__[31m"),
        (b"\x7f", "_"),
        ("c1\u0085x".encode(), "c1_x"),
        ("txt.\u202eexe".encode(), "txt._exe"),
        ("a\u2066b\u200fc\ufeffd".encode(), "a_b_c_d"),
        (b"\xc0\xae\xc0\xae", "____"),  # overlong ".."
        (b"\xff\xfe.bin", "__.bin"),
        (b"half \xe2\x82", "half __"),
        (b"\xed\xa0\x80", "___"),  # a surrogate
        (b"\xf4\x90\x80\x80", "____"),  # past U+10FFFF
        ("日本語 é 🎬.mkv".encode(), "日本語 é 🎬.mkv"),
        (b"trailing. . ", "trailing"),
        (b"CON", "_CON"),
        (b"con.txt", "_con.txt"),
        (b"." + b"0f" * 20 + b".parts", "_." + "0f" * 20 + ".parts"),  # where another torrent's bytes may be
        (f".{'AB' * 32}.PART\u017f.move".encode(), f"_.{'AB' * 32}.PART\u017f.move"),
        (b"." + b"0f" * 19 + b".parts", "." + "0f" * 19 + ".parts"),
        (b"." + b"0f" * 20 + b"f.parts", "." + "0f" * 20 + "f.parts"),
        (b"." + b"0f" * 20 + b".part", "." + "0f" * 20 + ".part"),
        (b"0f" * 20 + b".parts", "0f" * 20 + ".parts"),
        (b"aux .tar.gz", "_aux .tar.gz"),
        (b"nul.", "_nul"),
        (b"COM1", "_COM1"),
        ("lpt\u00b2.log".encode(), "_lpt².log"),
        (b"CONIN$", "_CONIN$"),
        (b"com10", "com10"),
        (b"console.txt", "console.txt"),
        (b"commander", "commander"),
    ],
)
def test_dangerous_names_become_harmless(raw: bytes, expected: str) -> None:
    assert safe(raw) == expected


def test_a_name_of_the_limit_stays_and_one_byte_more_keeps_its_extension() -> None:
    limit = storage.max_component_bytes
    fits = "x" * (limit - 4) + ".mkv"
    assert safe(fits) == fits
    longer = safe("x" + fits)
    assert len(longer) == limit
    assert longer.endswith(".mkv")


def test_shortening_cuts_between_characters() -> None:
    name = safe("é" * 300 + ".flac")
    assert len(name.encode()) in (254, 255)
    assert name == "é" * ((255 - 5) // 2) + ".flac"


def test_a_device_that_appears_only_by_shortening_is_caught() -> None:
    name = safe("con" + " " * 300 + "x.txt")
    assert name.startswith("_con")
    assert len(name) <= storage.max_component_bytes


def test_dots_only_left_by_shortening_are_not_a_parent_directory() -> None:
    assert safe(b"." * 260 + b"a" * 40) == "_"


def test_too_many_levels_become_one_directory() -> None:
    levels = storage.max_path_levels
    (deep,) = paths("/".join(["d"] * (levels - 1)) + "/f.txt")
    assert deep.count("/") == levels - 1
    deeper = paths("/".join(["d"] * levels) + "/f.txt", "/".join(["d"] * 200) + "/f.txt")
    assert len(set(deeper)) == 2
    for path in deeper:
        assert path.count("/") == levels - 1
        assert path.endswith("/f.txt")
        assert storage.is_inside(path.encode())


def test_a_path_of_too_many_bytes_is_shortened() -> None:
    limit = storage.max_relative_bytes
    (long,) = paths("/".join(["x" * 250] * 20) + "/" + "n" * 250 + ".txt")
    assert len(long) <= limit
    assert long.endswith("n.txt")
    assert storage.is_inside(long.encode())


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["a", "a"], ["a", "a (2)"]),
        (["a.txt", "A.TXT", "a.Txt"], ["a.txt", "A (2).TXT", "a (3).Txt"]),
        (["a", "A", "a (2)"], ["a", "A (3)", "a (2)"]),
        (["d/x", "D/X"], ["d/x", "D/X (2)"]),
        (["d/x", "D/y"], ["d/x", "D/y"]),
        (["d", "d/x"], ["d (2)", "d/x"]),
        (["D/x", "d"], ["D/x", "d (2)"]),
        (["caf\u00e9", "cafe\u0301"], ["caf\u00e9", "cafe\u0301 (2)"]),
        (["resume", "résumé"], ["resume", "résumé"]),
        (["straße", "STRASSE"], ["straße", "STRASSE (2)"]),
        (["한글", unicodedata.normalize("NFD", "한글")], ["한글", unicodedata.normalize("NFD", "한글") + " (2)"]),
        (["a", "a\u200b"], ["a", "a\u200b (2)"]),
        (["..", "."], ["_", "_ (2)"]),
        (["../x", "./x"], ["_/x", "_/x (2)"]),
        ([".bashrc", ".BASHRC"], [".bashrc", ".BASHRC (2)"]),
    ],
)
def test_twins_are_told_apart(files: list[str], expected: list[str]) -> None:
    assert paths(*files) == expected


def test_the_root_is_a_directory_of_every_path() -> None:
    assert paths("a", "b/c", root=b"../evil") == [".._evil/a", ".._evil/b/c"]


def test_no_components_still_give_a_name() -> None:
    assert paths([]) == ["_"]


def test_what_is_never_created_takes_no_name() -> None:
    given_files = [([b"pad"], False), ([b"pad"], True), ([b"PAD"], False)]
    assert storage.safe_paths(b"", given_files) == [b"pad", b"pad", b"PAD"]


@pytest.mark.parametrize(
    "bad",
    [b"", b"..", b"a/../b", b"/a", b"a/", b"a//b", b"./a", b"a\\b", b"a\0", b"\xff", b"con", b"C:x", b"a./b", b"x" * 256,
     b"/".join([b"d"] * 65), b"/".join([b"x" * 250] * 9)],
)  # fmt: skip
def test_a_rename_that_leads_outside_is_refused(bad: bytes) -> None:
    assert not storage.is_inside(bad)
    with pytest.raises(jstorrent.ParseError) as caught:
        storage.checked_rename(bad)
    assert caught.value.code == "bad_path"


def test_a_harmless_rename_is_taken_as_it_is() -> None:
    assert storage.checked_rename(b"new dir/\xc3\xa9.txt") == "new dir/é.txt".encode()


raw_names = st.one_of(
    st.binary(max_size=40),
    st.text(max_size=20).map(lambda s: s.encode("utf-8", "surrogatepass")),
    st.sampled_from(
        [b"..", b".", b"", b"a", b"A", b"con", b"aux.c", b"a.", b"a ", b"x" * 300, b"X" * 300 + b".txt", b"a (2)"]
    ),
)


@given(raw_names)
def test_a_component_is_harmless_and_stays_as_it_is(raw: bytes) -> None:
    once = storage.safe_component(raw)
    assert storage.safe_component(once) == once
    assert storage.is_inside(once)
    assert once not in (b"", b".", b"..")
    assert len(once) <= storage.max_component_bytes
    assert not set(once) & set(b"/\\\0")
    once.decode()


@settings(max_examples=200)
@given(raw_names, st.lists(st.tuples(st.lists(raw_names, max_size=5), st.just(True)), max_size=30))
def test_paths_are_inside_unique_and_the_same_every_time(root: bytes, files: list[tuple[list[bytes], bool]]) -> None:
    found = storage.safe_paths(root, files)
    assert found == storage.safe_paths(root, files)
    keys = [storage.fold_path(p) for p in found]
    assert len(set(keys)) == len(keys)
    parents = {key.rsplit(b"/", n)[0] for key in keys for n in range(1, key.count(b"/") + 1)}
    assert not parents & set(keys), "a file has the name of a directory"
    for path in found:
        assert storage.is_inside(path)
    # Given its own paths the answer is the same: a saved torrent keeps its names.
    again = storage.safe_paths(b"", [(p.split(b"/"), True) for p in found])
    assert again == found


def reference_fold(text: str) -> str:
    def nfd(s: str) -> str:
        return unicodedata.normalize("NFD", s)

    return nfd(nfd(nfd(text).casefold()).casefold())


@pytest.mark.skipif(unicodedata.unidata_version != "14.0.0", reason="the table is of Unicode 14")
def test_the_fold_table_agrees_with_python_for_every_letter() -> None:
    ignored = {0x200B, 0x200C, 0x200D, 0x2060}
    wrong = []
    for code in [*range(0x80, 0xD800), *range(0xE000, 0xF900), *range(0xFB00, 0x1D100), *range(0x1E900, 0x1F000)]:
        char = chr(code)
        if unicodedata.category(char) in ("Cn", "Co") or code in ignored:
            continue
        expected = reference_fold(char)
        if code > 0xFFFF and len(expected) > 1:
            continue
        if storage.fold_path(char.encode()).decode() != expected:
            wrong.append(hex(code))
    assert wrong == []


def test_fifty_thousand_colliding_names_are_quick() -> None:
    """Quadratic work would take minutes; this takes a fraction of a second."""
    count = 50_000
    cases = []
    for i in range(count):
        bits = f"{i:016b}"
        cases.append(
            (
                [
                    ("abcdefghijklmnop"[k].upper() if b == "1" else "abcdefghijklmnop"[k]).encode()
                    for k, b in enumerate(bits)
                ],
                True,
            )
        )
    joined = [([b"".join(parts)], True) for parts, _ in cases]
    found = storage.safe_paths(b"", joined)
    assert len({p.lower() for p in found}) == count


def test_names_that_sit_on_the_numbers_are_quick() -> None:
    count = 20_000
    files = [([b"a"], True)] * count + [([b"a (%d)" % i], True) for i in range(2, count)]
    files += [([b"x" * 300 + bytes([65 + i % 26, 65 + i // 26 % 26])], True) for i in range(count)]
    found = storage.safe_paths(b"", files)
    assert len(set(found)) == len(files)


def test_a_hundred_thousand_symlinks_are_quick() -> None:
    files = [([b"d%d" % (i % 100), b"link"], False) for i in range(100_000)]
    assert len(storage.safe_paths(b"root", files)) == 100_000
