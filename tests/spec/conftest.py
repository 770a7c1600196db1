"""A spec file that takes waivers."""

from pathlib import Path

A, B, C = (f"sha256:{letter * 64}" for letter in "abc")
SPEC = "# Snacks\n\n[spec.one]   # the first\nimages = 'out'\n"


def spec_file(name: str = "synth_x.toml", content: str = SPEC) -> Path:
    file = Path(name)
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(content.encode())
    return file
