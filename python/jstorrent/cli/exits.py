"""Exit codes of the commands, and which error means which."""

import enum

import jstorrent as jst


class Exit(enum.IntEnum):
    """What a command says to the shell. Stable."""

    DONE = 0
    INTERNAL = 1
    USAGE = 2
    NO_PEERS = 3
    NETWORK = 4
    DISK = 5
    BAD_DATA = 6
    UNFINISHED = 7
    INTERRUPTED = 130


_MEANINGS: list[tuple[type[BaseException], Exit]] = [
    (KeyboardInterrupt, Exit.INTERRUPTED),
    (jst.ParseError, Exit.USAGE),
    (jst.SettingsError, Exit.USAGE),
    (jst.DiskError, Exit.DISK),
    (jst.NetworkError, Exit.NETWORK),
    (jst.TimeoutError, Exit.UNFINISHED),
    (FileNotFoundError, Exit.USAGE),
    (IsADirectoryError, Exit.USAGE),
    (ConnectionError, Exit.NETWORK),
    (OSError, Exit.DISK),
]


_USAGE_CODES = {"invalid_argument", "not_supported", "state_dir_in_use"}


def exit_for(error: BaseException) -> Exit:
    """The exit code that an error ends a command with."""
    if isinstance(error, jst.Error) and error.code in _USAGE_CODES:
        return Exit.USAGE
    return next((code for kind, code in _MEANINGS if isinstance(error, kind)), Exit.INTERNAL)
