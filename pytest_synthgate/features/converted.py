"""Modules that were converted for OpenVINO, kept on disk: one more picture then costs no torch and no conversion.

Third station of the flow (images -> features -> scores). They are named by content and version, and may be deleted at
any time: that costs the time to convert them again, nothing else.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
from contextlib import suppress
from importlib import metadata
from pathlib import Path

from pytest_synthgate.device import Hardware
from pytest_synthgate.errors import EncoderError
from pytest_synthgate.features.encoder import Encoder, EncoderFacts
from pytest_synthgate.features.openvino_encoder import OpenVinoEncoder, openvino

FOLDER = "converted"
MODEL = "model.xml"


def keep(directory: Path, encoder: Encoder) -> None:
    """Keep a converted module below a directory, in one step, in place of what an older version made of it.

    One that torch computes after all is not kept. A disk that is full, or a folder that may only be read, costs another
    conversion.
    """
    place = _place(directory, EncoderFacts.of(encoder))
    if not isinstance(encoder, OpenVinoEncoder) or place.exists():
        return
    part = place.with_name(f"{place.name}.{secrets.token_hex(4)}.part")
    with suppress(OSError, RuntimeError):
        try:
            part.mkdir(parents=True)
            encoder.save(part / MODEL)
            part.rename(place)
        finally:
            shutil.rmtree(part, ignore_errors=True)
        for older in place.parent.glob(f"{place.name.partition('-')[0]}-*"):
            if older != place:
                shutil.rmtree(older, ignore_errors=True)


def recall(directory: Path, name: str, facts: EncoderFacts, hardware: Hardware) -> Encoder | None:
    """Give the encoder of which this is known; None where none was kept that this version of OpenVINO can read."""
    place = _place(directory, facts) / MODEL
    if not place.is_file():
        return None
    try:
        model = openvino().Core().read_model(place)
        encoder = OpenVinoEncoder(name, facts.fingerprint, model, facts.preprocessing, hardware, layout="NHWC")
    except (RuntimeError, LookupError, ValueError, EncoderError):  # a file may be damaged in any way
        return None
    return encoder if EncoderFacts.of(encoder) == facts else None


def _place(directory: Path, facts: EncoderFacts) -> Path:
    content = json.dumps([facts.fingerprint, facts.preprocessing.to_json()], sort_keys=True)
    versions = "-".join(metadata.version(each) for each in ("openvino", "pytest-synthgate"))
    return directory / FOLDER / f"{hashlib.sha256(content.encode()).hexdigest()[:32]}-{versions}"
