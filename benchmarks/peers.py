"""Environments for what the product is compared with, made when they are first asked for, beside those of tox."""

from __future__ import annotations

import subprocess
import sys
import venv

from benchmarks.sides import ROOT

DATALAB = ("cleanlab[datalab]",)


def python_with(requirements: tuple[str, ...]) -> str | None:
    """Give the interpreter of an environment that holds some distributions; None where they cannot be installed."""
    folder = ROOT / ".tox" / ".peers" / "-".join(each.replace("[", "-").replace("]", "") for each in requirements)
    python, complete = folder / "bin" / "python", folder / "complete"
    if not complete.exists():
        venv.create(folder, with_pip=True, clear=True)
        done = subprocess.run([python, "-m", "pip", "install", "--quiet", *requirements], check=False)
        if done.returncode:
            print(
                f"{' '.join(requirements)} could not be installed; what is compared with it is left out",
                file=sys.stderr,
            )
            return None
        complete.touch()
    return str(python)
