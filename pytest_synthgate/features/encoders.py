"""The name of an encoder -> its source: each library that this package knows is asked in turn.

Third station of the flow (images -> features -> scores). Resolving is cheap: torch and the library are imported by
loading only, and a run whose features are all in the store loads nothing.
"""

from __future__ import annotations

import difflib
from pathlib import Path

from pytest_synthgate.errors import EncoderError
from pytest_synthgate.features import onnx_encoders, open_clip_encoders, timm_encoders
from pytest_synthgate.features.encoder import EncoderSource

_FORMS = (*open_clip_encoders.FORMS, *timm_encoders.FORMS, *onnx_encoders.FORMS)
_SOURCES = (open_clip_encoders.open_clip_source, timm_encoders.timm_source, onnx_encoders.onnx_source)


def resolve_encoder(name: str, base: Path | None = None) -> EncoderSource:
    """Find out what an encoder's name means, without importing torch or asking the network.

    A relative path in it starts from the base, or from the current directory.

    Raises:
        EncoderError: No such form of name, or a file that it names is not there.
        MissingExtraError: The package that carries the weights is not installed.
    """
    for source in _SOURCES:
        if (found := source(name, base or Path())) is not None:
            return found
    near = difflib.get_close_matches(name, _FORMS, n=1, cutoff=0.5)
    meant = f"did you mean {near[0]}? " if near else ""
    raise EncoderError(f"unknown encoder {name!r}; {meant}known forms: {', '.join(_FORMS)}")
