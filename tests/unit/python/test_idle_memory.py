"""What a torrent takes that is on and has nothing to do: no peer, no piece under way, none of its files.

Counted are the bytes in use of the heap of a fresh process, the handle in Python among them.
"""

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import jstorrent as jst
import pytest

from tests.support.sanitizers import times_mean_nothing

TORRENTS = 500
PIECES = 64
#: Its record is saved: it has a journal, whose path is as long as that of the state_dir.
MOST = {
    ("alone", False): 3970,
    ("alone", True): 4380,
    ("with a tracker", False): 5150,
    ("with a tracker", True): 5560,
}
COUNT = """
import ctypes, sys
from pathlib import Path
import jstorrent as jst

class InUse(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in
                ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")]

facts = ctypes.CDLL(None).mallinfo2
facts.restype = InUse
first, *others = sorted(Path(sys.argv[1]).glob("*.torrent"))
with jst.Session(jst.Settings(listen=("127.0.0.1",)), state_dir=sys.argv[2] or None) as session:
    session.add(jst.Metainfo.load(first), "/nowhere").wait("stalled", 60)
    before = facts().uordblks
    added = [session.add(jst.Metainfo.load(path), "/nowhere") for path in others]
    for torrent in added:
        torrent.wait("stalled", 60)
    if sys.argv[2]:
        session.save()
    print((facts().uordblks - before) // len(added))
"""


@pytest.fixture(scope="module", params=["alone", "with a tracker"])
def torrents(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    folder = tmp_path_factory.mktemp("torrents")
    for number in range(TORRENTS + 1):
        pieces = number.to_bytes(20, "big") * PIECES
        info = {b"length": PIECES << 14, b"name": b"idle %d" % number, b"piece length": 1 << 14, b"pieces": pieces}
        torrent: dict[bytes, object] = {b"info": info}
        if request.param == "with a tracker":
            torrent[b"announce"] = b"http://127.0.0.1:9/announce"
        (folder / f"{number:06}.torrent").write_bytes(jst.bencode(torrent))
    return request.param, folder


@times_mean_nothing
@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallinfo2"), reason="nobody else tells what is in use")
@pytest.mark.parametrize("saved", [False, True], ids=["forgotten", "saved"])
def test_an_idle_torrent_takes_little_more_than_its_hashes(
    torrents: tuple[str, Path], saved: bool, tmp_path: Path
) -> None:
    kind, folder = torrents
    state_dir = str(tmp_path / "state") if saved else ""
    environment = os.environ | {"PYTHONMALLOC": "malloc"}
    told = subprocess.run(
        [sys.executable, "-c", COUNT, folder, state_dir],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    each = int(told.stdout)
    assert each <= MOST[kind, saved], f"{each} bytes each, {PIECES * 20} of them hashes"
