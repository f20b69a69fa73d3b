"""Which jstorrent the tests import: a sanitizer's build if asked, else the tree's own module if built, else the installed one."""

import os
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parent


def _module_tree() -> Path | None:
    asked = os.environ.get("JST_MODULE_TREE")
    if asked:
        return (_ROOT / asked).resolve()
    return _ROOT / "python" if list((_ROOT / "python" / "jstorrent").glob("_core*.so")) else None


_tree = _module_tree()
if _tree is not None:
    sys.path.insert(0, str(_tree))
# Child processes that tests start see the same one, and the folders that stand at the root.
_paths = [str(p) for p in (_tree, _ROOT) if p is not None] + os.environ.get("PYTHONPATH", "").split(os.pathsep)
os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(p for p in _paths if p))

try:
    import jstorrent.lab  # noqa: F401
except ImportError:  # not built: what needs no module runs all the same
    pytest_plugins = ["tests.support.covers", "tests.support.figures"]
else:
    pytest_plugins = ["tests.support.covers", "tests.support.figures", "jstorrent.lab.pytest_plugin"]
