"""The errors and warnings a user meets: one line each, naming what was found, where, and the remedy."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from pytest_synthgate.text.printable import printable, visible

_LONGEST = 300
"""Letters of what foreign code raised."""


class SynthgateError(Exception):
    """Base of every error this package raises on purpose; its text is one line meant for the user."""


class SpecError(SynthgateError):
    """A spec file says something that cannot be meant."""


class SourceError(SynthgateError):
    """A set of images, a table or a matrix of vectors cannot be read."""


class NothingReadableError(SourceError):
    """A set holds files, and none of them can be read.

    Attributes:
        unreadable: Each such file: its id, its set ("synthetic" or "real"), and why it cannot be read.
    """

    def __init__(self, text: str, unreadable: tuple[tuple[str, str, str], ...] = ()) -> None:
        super().__init__(text)
        self.unreadable = unreadable


class DeviceError(SynthgateError):
    """torch cannot use a device."""


class EncoderError(SynthgateError):
    """An encoder cannot be named, found or loaded."""


class GenerationError(SynthgateError):
    """A generator cannot be loaded, or cannot make its images."""


class StoreError(SynthgateError):
    """The store of features and measurements cannot be used."""


class ResultsError(SynthgateError):
    """A results file is not one, or was made from something else."""


class BaselineError(SynthgateError):
    """A baseline cannot be read, or is not one."""


class HistoryError(SynthgateError):
    """A history of runs cannot be read or added to."""


class ExportError(SynthgateError):
    """The images that passed cannot be written into a folder."""


class MissingExtraError(SynthgateError):
    """A feature needs an optional package that is not installed; the text carries the pip command."""


class SynthgateWarning(UserWarning):
    """Something a user should know that does not fail a run."""


def missing(need: str, extra: str) -> MissingExtraError:
    """Say who needs what package, `Parquet needs pyarrow`, and which extra of this one installs it."""
    return MissingExtraError(f"{need}; pip install 'pytest-synthgate[{extra}]'")


def installed(module: str) -> bool:
    """Tell whether a module can be imported, without importing it."""
    try:
        return sys.modules.get(module) is not None or find_spec(module) is not None
    except ValueError:  # half of it is gone from `sys.modules`
        return False


def require(who: str, extra: str, *modules: str) -> None:
    """Check that modules are installed, without importing them.

    Raises:
        MissingExtraError: Some are not; they are named, with the extra that brings them all.
    """
    if absent := [module for module in modules if not installed(module)]:
        raise missing(f"{who} needs {', '.join(absent)}", extra)


def in_a_line(error: BaseException) -> str:
    """Bring what a library raised to one printable line, its start where that is long; its type where it is empty."""
    return printable(" ".join(str(error).split())[:200]) or type(error).__name__


def first_line(error: BaseException) -> str:
    """Shorten what a library raised to the line that tells."""
    return str(error).strip().partition("\n")[0].strip() or type(error).__name__


def told(error: BaseException) -> str:
    """Name what foreign code raised by its type and first line, short and with nothing in it that a terminal obeys."""
    name = type(error).__name__
    try:
        line = first_line(error)
    except Exception:  # noqa: BLE001  the text of an exception is made by code of its own
        line = name
    text = visible(name if line == name else f"{name}: {line}")
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


@contextmanager
def retold(kind: type[SynthgateError], before: str, after: str = "") -> Iterator[None]:
    """Turn whatever a library raises into one line, what is told of it between two texts; errors of our own pass."""
    try:
        yield
    except SynthgateError:
        raise
    except Exception as error:  # noqa: BLE001  what foreign code and foreign files make a library raise has no common type
        raise kind(f"{before}{told(error)}{after}") from None


@contextmanager
def foreign(what: str, kind: type[SynthgateError]) -> Iterator[None]:
    """Turn whatever code of the user's raises, `sys.exit()` included, into an error of a kind: one line with its place.

    What the code is begins the line: `the hook pytest_synthgate_generate`. What stops a run on purpose passes: an
    interrupt, and the outcomes of pytest.
    """
    try:
        yield
    except (Exception, SystemExit) as error:
        if type(error).__module__.startswith("_pytest."):
            raise
        raise kind(f"{what} failed: {told(error)}; {visible(_place(error))}") from None


def _place(error: BaseException) -> str:
    """Find the line of the user's own code, not that of a library which it called."""
    import sysconfig
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    libraries = tuple(sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib"))
    others = (*libraries, str(Path(__file__).parent))
    frame = next((each for each in reversed(frames) if not each.filename.startswith(others)), frames[-1])
    return f"{frame.filename}:{frame.lineno}"
