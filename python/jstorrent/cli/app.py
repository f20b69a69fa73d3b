"""All commands in one place: their names, and what becomes of an error that none of them handled."""

import contextlib
import io
import json
import signal
import sys
import traceback
from collections.abc import Sequence
from types import FrameType
from typing import Annotated, Any

import typer

import jstorrent as jst
from jstorrent.cli import create, demo, get, laboratory, seed, show, verify
from jstorrent.cli.exits import Exit, exit_for

# click's ClickException, wherever this version of typer keeps its click.
_CommandLineError: Any = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")

app = typer.Typer(
    name="jstorrent",
    help="Download, seed, create and check torrents.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        print(jst.__version__)
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Download, seed, create and check torrents.

    Exit codes: 0 done, 1 internal, 2 usage, 3 no metadata or peers, 4 network, 5 disk, 6 verification failed, 7 unfinished
    but resumable, 130 interrupted.
    """


app.command("get")(get.get)
app.command("seed")(seed.seed)
app.command("create")(create.create)
app.command("show")(show.show)
app.command("verify")(verify.verify)
app.command("demo")(demo.demo)
laboratory.register(app)


def _terminate(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def run(arguments: Sequence[str]) -> int:
    """Run one command line and give its exit code; errors are said on stderr in one line."""
    try:
        signal.signal(signal.SIGTERM, _terminate)
        if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:  # not under nohup
            signal.signal(signal.SIGHUP, _terminate)
    except ValueError:
        pass  # not the main thread: whoever runs us there handles signals
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a name that this terminal can not show changes no verdict
    code: int | None = None
    unread = Exit.DONE if arguments[:1] == ["show"] else Exit.INTERRUPTED  # what only tells may be left half read
    try:
        result = app(args=list(arguments), prog_name="jstorrent", standalone_mode=False)
        if result == Exit.INTERRUPTED and not isinstance(result, Exit):  # typer's own word for an interrupt, said to nobody
            raise KeyboardInterrupt
        code = int(result or 0)
        if sys.stdout is not None:
            sys.stdout.flush()  # what can not be written is said here, not by the interpreter at its end
        return code
    except _CommandLineError as wrong:
        with contextlib.suppress(OSError):
            wrong.show()
        return _say_json(wrong.format_message(), "usage", Exit.USAGE) if "--json" in arguments else Exit.USAGE
    except (typer.Abort, KeyboardInterrupt):
        _tell("jstorrent: interrupted")
        return _say_json("interrupted", "interrupted", Exit.INTERRUPTED) if "--json" in arguments else Exit.INTERRUPTED
    except BrokenPipeError:
        return _unread(unread if code is None else code)
    except SystemExit as leaving:  # click and rich leave so when who read us is gone
        if not isinstance(leaving.__context__, BrokenPipeError):
            raise
        return _unread(unread if code is None else code)
    except Exception as error:  # noqa: BLE001 - the last place that can say it
        return _say(error, "--json" in arguments)


def _unread(code: int) -> int:
    sys.stdout = None  # who read us is gone; nothing more to say
    return code


def _tell(text: str) -> None:
    """On stderr, where somebody listens: what can not be told changes nothing."""
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr, flush=True)


def _say(error: Exception, as_json: bool) -> int:
    code = exit_for(error)
    if code is Exit.INTERNAL and not isinstance(error, jst.Error):
        _tell(traceback.format_exc().rstrip())
    _tell(f"jstorrent: {error}")
    return _say_json(str(error), getattr(error, "code", type(error).__name__), code) if as_json else code


def _say_json(error: str, word: str, code: Exit) -> Exit:
    try:
        print(json.dumps({"error": error, "code": word, "exit": int(code)}), flush=True)
    except OSError:  # it was this that failed
        sys.stdout = None
    return code
