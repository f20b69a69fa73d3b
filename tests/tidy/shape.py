"""How files look: their size, their names, their comments; and what tests may not do."""

import ast
import re

from tests.tidy.source import Finding, Source

LINES = {".cpp": 600, ".hpp": 250, ".py": 400}
FUNCTION_LINES = 70
#: Files that are longer, each with its own limit and a reason behind it. This list only shrinks.
LONG_FILES: dict[str, int] = {}
#: "path:function" that are longer, each with its own limit and a reason behind it. This list only shrinks.
LONG_FUNCTIONS: dict[str, int] = {}

_BAD_ENDINGS = r"(?:Manager|Helpers?|Utils?|Impl|Base)"
_WORKPLACE = re.compile(
    r"/work/|/tmp/(?:wt|venv|brief)|\.\./" + r"shared\b|\b[Ii]ssue #?\d|\bthis (?:work)?session's brief"
)
_SLEEP = re.compile(r"\b(?:time\.sleep|usleep|sleep_for|sleep_until)\s*\(|\basyncio\.sleep\s*\((?!0\))")


def _length_findings(
    what: dict[str, tuple[str, int, int]], limits: dict[str, int], allowed: dict[str, int]
) -> list[Finding]:
    """what: key -> path, line, length. Too long, or on the allow list without need."""
    found = []
    for key, (path, line, length) in what.items():
        limit = limits[key]
        if length > allowed.get(key, limit):
            found.append(
                Finding(
                    path, line, f"{key} has {length} lines, the limit is {allowed.get(key, limit)}: split it by noun"
                )
            )
        elif key in allowed and length <= limit:
            found.append(Finding(path, line, f"{key} has {length} lines and needs no place on the allow list any more"))
    found += [Finding(key, 1, "is on the allow list and does not exist") for key in allowed if key not in what]
    return found


def file_sizes(sources: list[Source], allowed: dict[str, int] = LONG_FILES) -> list[Finding]:
    """600 lines a .cpp, 250 a .hpp, 400 a .py."""
    sized = {s.path: (s.path, 1, len(s.lines)) for s in sources if s.suffix in LINES}
    return _length_findings(sized, {p: LINES["." + p.rsplit(".", 1)[1]] for p in sized}, allowed)


def _cpp_functions(source: Source) -> list[tuple[str, int, int]]:
    """Name, first line, length of each function body whose closing brace stands under the start of its line."""
    code = source.code.splitlines()
    found = []
    for start, line in enumerate(code):
        opening = re.match(r"( {0,4})[\w~:].*[)\w]\s*(?:const|noexcept|override|->\s*[\w:<>]+|\s)*\{\s*$", line)
        if not opening or re.match(
            r"\s*(?:namespace|class|struct|enum|union|extern|if|for|while|switch|else|do|case)\b", line
        ):
            continue
        if (
            line.count("(") > line.count(")")
            or re.search(r"\]\s*\(|\]\s*\{", line)
            or (source.room == "bind" and re.search(r"\bbind_\w+\(", line))
        ):
            continue  # a lambda counts with its function; what is registered with Python is a list, not logic
        if "(" not in "".join(code[max(0, start - 3) : start + 1]):
            continue
        closing = opening[1] + "}"
        for end in range(start + 1, len(code)):
            if code[end].startswith(closing):
                name = re.search(r"([\w~:]+)\s*\(", line)
                found.append((name[1] if name else f"line {start + 1}", start + 1, end - start + 1))
                break
    return found


def _python_functions(source: Source) -> list[tuple[str, int, int]]:
    return [
        (node.name, node.lineno, (node.end_lineno or node.lineno) - node.lineno + 1)
        for node in ast.walk(ast.parse(source.text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def function_sizes(sources: list[Source], allowed: dict[str, int] = LONG_FUNCTIONS) -> list[Finding]:
    """70 lines a function."""
    sized: dict[str, tuple[str, int, int]] = {}
    for source in sources:
        if source.suffix in {".cpp", ".hpp"}:
            functions = _cpp_functions(source)
        else:
            functions = _python_functions(source) if source.suffix == ".py" else []
        for name, line, length in functions:
            key = f"{source.path}:{name}"
            if length > sized.get(key, ("", 0, 0))[2]:
                sized[key] = (source.path, line, length)
    return _length_findings(sized, dict.fromkeys(sized, FUNCTION_LINES), allowed)


def names(sources: list[Source]) -> list[Finding]:
    """Types are PascalCase and say what they are; nothing is called get_."""
    found = []
    declared = r"^[ \t]*(?:template\s*<[^{};]*>\s*)?(?:class|struct|enum class|enum|union)\s+(?:\[\[\w+\]\]\s+)?"
    for source in sources:
        if source.room is not None and source.suffix in {".cpp", ".hpp"}:
            for match in re.finditer(declared + r"(\w+)\s*(?:final\s*)?(?:[:{;]|$)", source.code, re.MULTILINE):
                found += _type_name(source, match[1], source.line_of(match.start(1)))
            found += source.matches(
                r"(?<![\w:.>])get_(?!allocator\b)\w+\s*\((?=[^;{]*\)[^;{}]*\{)",
                "'{}': a question is named after its answer",
            )
        elif source.suffix == ".py" and source.parts[0] in {"python", "mock_peer", "bench", "scripts"}:
            for node in ast.walk(ast.parse(source.text)):
                if isinstance(node, ast.ClassDef):
                    found += _type_name(source, node.name, node.lineno)
                elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("get_"):
                    found.append(
                        Finding(source.path, node.lineno, f"'{node.name}': a question is named after its answer")
                    )
    return found


def _type_name(source: Source, name: str, line: int) -> list[Finding]:
    if re.search(_BAD_ENDINGS + "$", name):
        return [Finding(source.path, line, f"'{name}' does not say what it is")]
    if not re.fullmatch(r"_?[A-Z][A-Za-z0-9]*", name):
        return [Finding(source.path, line, f"type '{name}' is not PascalCase")]
    return []


def header_comments(sources: list[Source]) -> list[Finding]:
    """A header of cpp/ opens with a comment: what it decides, by which BEP, what it does not know."""
    found = []
    for source in sources:
        if source.room is not None and source.suffix == ".hpp":
            opening = next((i for i, line in enumerate(source.lines) if not line.startswith("//")), len(source.lines))
            if opening < 1:
                found.append(Finding(source.path, 1, "opens with no comment that says what it decides"))
    return found


def no_workplace(sources: list[Source]) -> list[Finding]:
    """Code, comments and docs speak about the product, not about where or how it was written."""
    found = []
    for source in sources:
        if source.path.startswith("tests/tidy/"):
            continue
        for number, line in enumerate(source.lines, 1):
            match = _WORKPLACE.search(line)
            if match:
                found.append(
                    Finding(source.path, number, f"'{match.group()}' is about a workplace, not about the product")
                )
    return found


def no_sleep(sources: list[Source]) -> list[Finding]:
    """No test sleeps, nor a program that a test starts: wait for what is to happen."""
    found = []
    for source in sources:
        if (
            source.parts[0] == "tests"
            and source.suffix in {".py", ".cpp"}
            and not source.path.startswith("tests/tidy/")
        ):
            for number, line in enumerate(source.lines, 1):
                if _SLEEP.search(line):
                    found.append(Finding(source.path, number, "a test sleeps: wait for what is to happen"))
    return found


def independent_mock(sources: list[Source]) -> list[Finding]:
    """mock_peer never imports jstorrent: it must not share its mistakes."""
    found = []
    for source in sources:
        if source.parts[0] == "mock_peer" and source.suffix == ".py":
            for number, line in enumerate(source.lines, 1):
                if re.match(r"\s*(?:from|import)\s+jstorrent\b", line):
                    found.append(Finding(source.path, number, "mock_peer imports jstorrent"))
    return found


def plants(sources: list[Source]) -> list[Finding]:
    """Each planted bug of base/plants.def has exactly one site, and none is in base or codec."""
    listed = [s for s in sources if s.path == "cpp/base/plants.def"]
    declared = set(re.findall(r"^\s*JST_PLANT\s*\(\s*(\w+)", listed[0].code, re.MULTILINE)) if listed else set()
    sites: dict[str, list[Finding]] = {name: [] for name in declared}
    found = []
    for source in sources:
        if source.room is None or source.suffix == ".def":
            continue
        for match in re.finditer(r"\bplanted<\s*Plant::(\w+)\s*>", source.code):
            place = Finding(source.path, source.line_of(match.start()), f"plant '{match[1]}'")
            sites.setdefault(match[1], []).append(place)
            if source.room in {"base", "codec"} or match[1] not in declared:
                found.append(Finding(place.path, place.line, f"plant '{match[1]}' is not listed, or in base or codec"))
    found += [
        Finding("cpp/base/plants.def", 1, f"plant '{n}' has {len(s)} sites") for n, s in sites.items() if len(s) != 1
    ]
    return found
