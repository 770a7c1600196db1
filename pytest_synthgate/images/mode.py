"""What to do about images that are missing: make them, make none, or make all anew."""

from typing import Literal, get_args

Mode = Literal["auto", "never", "again"]

MODES: tuple[Mode, ...] = get_args(Mode)
