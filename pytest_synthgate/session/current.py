"""The run that a config has, from when something first asks for it.

Part of the plugin; light, for every run of pytest comes by here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_synthgate.session.run import Run

_RUN = pytest.StashKey["Run"]()


def run_of(config: pytest.Config) -> Run:
    """Give the run of a config, made when first asked for."""
    if _RUN not in config.stash:
        from pytest_synthgate.session.options import read_options
        from pytest_synthgate.session.run import Run, project_of

        options = read_options(config)
        config.stash[_RUN] = Run(config, options, project_of(config, options))
    return config.stash[_RUN]


def begun_run(config: pytest.Config) -> Run | None:
    """Give the run of a config if something has asked for it."""
    return config.stash.get(_RUN, None)


def used_run(config: pytest.Config) -> Run | None:
    """Give the run of a config if there is any spec in it; files of somebody else are looked at too."""
    run = begun_run(config)
    return run if run is not None and (run.project.catalogue.specs or run.receiver.durations) else None
