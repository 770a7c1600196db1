"""What a picture goes through before an encoder sees it, by name: tells older features and readings from new ones.

Third station of the flow (images -> features -> scores); imports nothing that decodes.
"""

from PIL import __version__ as pillow_version

ROAD_REVISION = 1
"""Raised whenever decoding or preparing an image comes to give other pixels: older features are then not used."""

DECODER = f"pillow {pillow_version}, 3"
"""Another version may read what this one cannot, and decodes a lossy format a little differently.

The number counts what this package itself came to read, or to remember, otherwise.
"""
