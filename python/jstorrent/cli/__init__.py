"""The command `jstorrent`. What it needs (typer, rich) comes with the extra `cli`."""

import sys


def main() -> None:
    """Run the command line of this process and leave it with the command's exit code."""
    try:
        import rich  # noqa: F401
        import typer  # noqa: F401

        from jstorrent.cli.app import run
    except ImportError as missing:
        if missing.name not in ("rich", "typer"):
            raise
        print(
            f"jstorrent: the command line needs {missing.name}. Install the extra 'cli':\n"
            "    pip install 'jstorrent[cli]'",
            file=sys.stderr,
        )
        sys.exit(1)
    except KeyboardInterrupt:  # loading takes a moment
        print("jstorrent: interrupted", file=sys.stderr)
        sys.exit(130)
    sys.exit(run(sys.argv[1:]))


__all__ = ["main"]
