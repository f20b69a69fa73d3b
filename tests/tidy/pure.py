"""What code in base..engine may not do, so that the same seed gives the same run (docs/architecture.md, "Determinism")."""

import re
from collections import defaultdict

from tests.tidy.rooms import PURE, includes
from tests.tidy.source import Finding, Source

_HEADERS = {
    "chrono": "a clock", "ctime": "a clock", "time.h": "a clock", "sys/time.h": "a clock",
    "thread": "threads", "mutex": "threads", "shared_mutex": "threads", "atomic": "threads", "future": "threads",
    "condition_variable": "threads", "semaphore": "threads", "latch": "threads", "barrier": "threads",
    "stop_token": "threads", "pthread.h": "threads", "random": "luck of its own", "sys/random.h": "luck of its own",
}  # fmt: skip
_WORDS = {
    r"\b(?:std::)?chrono::|\bclock_gettime\b|\bgettimeofday\b|\b(?:std::)?time\s*\(\s*(?:nullptr|NULL|0|&)": "reads a clock",
    r"\bstd::(?:jthread|thread|async|this_thread|(?:recursive_|shared_|timed_)*mutex|condition_variable(?:_any)?|"
    r"atomic\w*|future|promise|lock_guard|unique_lock|scoped_lock|call_once)\b|\bpthread_\w+": "uses threads",
    r"\brandom_device\b|\bmt19937(?:_64)?\b|\bstd::(?:shuffle|sample|random_shuffle)\b|\b\w+_distribution\s*<|"
    r"\bs?rand\s*\(|\bgetrandom\b|\barc4random\w*": "has luck of its own",
    r"\b(?:secure_)?getenv\b|\benviron\b": "reads the environment",
    r"\berrno\b": "reads errno",
    r"\bu?intptr_t\b|\bstd::(?:hash|less)\s*<[^<>]*\*\s*>": "lets an address be seen",
}
_UNORDERED = re.compile(r"\bunordered_(?:multi)?(?:map|set)\s*<")
_THROW_HOME = "cpp/base/check.cpp"
#: The real runtime cannot start without an eventfd, an epoll or the kernel's luck: its constructors say so.
_START_UP = r"(?!\s+std::system_error\(errno)"


def _pure(sources: list[Source]) -> list[Source]:
    return [s for s in sources if s.room in PURE and s.suffix in {".cpp", ".hpp", ".def"}]


def no_world(sources: list[Source]) -> list[Finding]:
    """No clock, thread, luck, environment or address in base..engine."""
    found = []
    for source in _pure(sources):
        for line, name, quoted in includes(source):
            if not quoted and name in _HEADERS:
                found.append(Finding(source.path, line, f"<{name}>: {_HEADERS[name]} in {source.room}"))
        for pattern, what in _WORDS.items():
            found += source.matches(pattern, f"'{{}}' {what}")
    return found


def no_throw(sources: list[Source]) -> list[Finding]:
    """`throw` stands in bind and in base/check.cpp only."""
    found = []
    for source in sources:
        if source.room is not None and source.room != "bind" and source.path != _THROW_HOME:
            start_up = _START_UP if source.room == "runtime_asio" else ""
            found += source.matches(rf"\bthrow\b{start_up}", "only bind and base/check.cpp throw")
    return found


def _names_after(source: Source) -> set[str]:
    """The names of what a file declares as unordered containers."""
    names = set()
    for match in _UNORDERED.finditer(source.code):
        depth, at = 1, match.end()
        while depth and at < len(source.code):
            depth += {"<": 1, ">": -1}.get(source.code[at], 0)
            at += 1
        name = re.match(r"[\s&*]*(?:const\s+)?(\w+)", source.code[at:])
        if name:
            names.add(name[1])
    return names


def no_hash_order(sources: list[Source]) -> list[Finding]:
    """Unordered containers are looked up in, never walked: their order is the address space's."""
    names: dict[str, set[str]] = defaultdict(set)  # header or file without its ending -> what it declares
    pure = _pure(sources)
    for source in pure:
        names[source.path.rsplit(".", 1)[0]] |= _names_after(source)
    found = []
    for source in pure:
        for name in sorted(names[source.path.rsplit(".", 1)[0]]):
            walked = rf"\bfor\s*\([^;()]*:\s*(?:this->)?{name}\s*\)|\b{name}\.c?begin\s*\("
            found += source.matches(walked, f"walks the unordered container '{name}'")
    return found


def no_weak_owner(sources: list[Source]) -> list[Finding]:
    """weak_ptr is nowhere: keep a key and look it up."""
    return [f for s in sources if s.room for f in s.matches(r"\bweak_ptr\b", "keep a key and look it up, no {}")]
