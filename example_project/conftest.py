"""Makes the image sets on first use; a project of its own would have them on disk."""

import shutil
import tempfile
from pathlib import Path

from digits import write_sets

DATA = Path(__file__).parent / "data"


def pytest_configure() -> None:
    if not DATA.exists():
        part = Path(tempfile.mkdtemp(dir=DATA.parent, prefix="data-"))
        write_sets(part)
        try:
            part.rename(DATA)
        except OSError:  # another process was faster
            shutil.rmtree(part)
