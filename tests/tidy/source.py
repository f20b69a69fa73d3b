"""The tree as the house rules see it: which files there are, and C++ without its comments and texts."""

import re
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

SUFFIXES = {".cpp", ".hpp", ".def", ".py", ".pyi", ".md", ".cmake", ".toml", ".json", ".txt", ".sh", ""}
_TOKEN = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<tag>[^(\s]*)\(.*?\)(?P=tag)"|"(?:\\.|[^"\\\n])*"|(?<![0-9A-Fa-f])\'(?:\\.|[^\'\\\n])+\'',
    re.DOTALL,
)


@dataclass(frozen=True)
class Finding:
    """One place that breaks one rule."""

    path: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what}"


@dataclass(frozen=True)
class Source:
    """One file: its name from the root, with slashes, and what it says."""

    path: str
    text: str

    @property
    def suffix(self) -> str:
        return Path(self.path).suffix

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(self.path.split("/"))

    @property
    def room(self) -> str | None:
        """The room of a file of cpp/, else None."""
        return self.parts[1] if self.parts[0] == "cpp" and len(self.parts) > 2 else None

    @cached_property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @cached_property
    def code(self) -> str:
        """C++ with comments and texts blanked out, each line where it was (include lines keep their names)."""

        def blank(match: re.Match[str]) -> str:
            found = match.group()
            line_start = self.text.rfind("\n", 0, match.start()) + 1
            if found.startswith('"') and re.match(r"[ \t]*#[ \t]*include", self.text[line_start : match.start()]):
                return found
            return "\n" * found.count("\n") or " "

        return _TOKEN.sub(blank, self.text)

    def line_of(self, offset: int) -> int:
        return self.code.count("\n", 0, offset) + 1

    def matches(self, pattern: str, what: str) -> list[Finding]:
        """A finding for each place in the code where the pattern is; `{}` in `what` becomes the place's text."""
        return [
            Finding(self.path, self.line_of(m.start()), what.replace("{}", " ".join(m.group().split())))
            for m in re.finditer(pattern, self.code)
        ]


def tree(root: Path) -> list[Source]:
    """All text files that belong to the project: what git knows or would take, else every file."""
    asked = ["git", "-C", str(root), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    done = subprocess.run(asked, capture_output=True, check=False)
    if done.returncode == 0 and (root / ".git").exists():
        names = sorted(set(done.stdout.decode().split("\0")) - {""})
    else:
        names = sorted(str(p.relative_to(root)) for p in root.rglob("*") if p.is_file())
    found = []
    for name in names:
        path = root / name
        if path.suffix not in SUFFIXES or "/corpus/" in name or not path.is_file():
            continue
        try:
            found.append(Source(name, path.read_text(encoding="utf-8")))
        except UnicodeDecodeError:
            continue
    return found
