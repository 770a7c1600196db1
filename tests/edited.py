"""Pictures that look a little like photos, what people do to a photo that they copy, and pictures that share a part."""

import io
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

Edit = Callable[[Image.Image, np.random.Generator], Image.Image]


def drawn(number: int, size: tuple[int, int] = (340, 256)) -> Image.Image:
    """Draw a scene: a gradient, overlapping shapes with edges and grain, and soft light; another for each number."""
    random = np.random.default_rng(number)
    width, height = size
    slopes = random.uniform(-0.4, 0.4, (2, 3))
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    ground = random.uniform(60, 190, 3) + x[..., None] * slopes[0] + y[..., None] * slopes[1]
    image = Image.fromarray(np.clip(ground, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for _ in range(60):
        middle, reach = random.uniform(0, size), random.uniform(6, 60)
        colour = tuple(random.integers(0, 256, 3).tolist())
        if random.random() < 0.3:
            draw.ellipse([*(middle - reach / 2), *(middle + reach / 2)], fill=colour)
        else:
            corners = middle + random.uniform(-reach, reach, (random.integers(3, 7), 2))
            draw.polygon([tuple(corner) for corner in corners], fill=colour)
    coarse = random.normal(0, 40, (height // 8, width // 8))
    light = Image.fromarray(coarse.astype(np.float32)).resize(size, Image.Resampling.BICUBIC)
    grain = random.normal(0, 6, (height, width, 1))
    pixels = np.asarray(image.filter(ImageFilter.GaussianBlur(0.8))) + np.asarray(light)[..., None] + grain
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def saved(image: Image.Image, _: np.random.Generator, *, quality: int, form: str = "JPEG") -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, form, quality=quality)
    return Image.open(buffer).convert("RGB")


def cropped(image: Image.Image, random: np.random.Generator, *, side: float) -> Image.Image:
    width, height = round(image.width * side), round(image.height * side)
    left, top = (int(random.integers(0, room + 1)) for room in (image.width - width, image.height - height))
    return image.crop((left, top, left + width, top + height))


def turned(image: Image.Image, _: np.random.Generator, *, degrees: float) -> Image.Image:
    """Turn counterclockwise; what is left empty is black."""
    return image.rotate(degrees, Image.Resampling.BICUBIC, expand=True)


def brightened(image: Image.Image, _: np.random.Generator, *, factor: float) -> Image.Image:
    return ImageEnhance.Brightness(image).enhance(factor)


def in_turn(*edits: Edit) -> Edit:
    def edit(image: Image.Image, random: np.random.Generator) -> Image.Image:
        for each in edits:
            image = each(image, random)
        return image

    return edit


TWELVE: Mapping[str, Edit] = {
    "copy": lambda image, _: image,
    "jpeg 60": partial(saved, quality=60),
    "jpeg 20": partial(saved, quality=20),
    "crop 95%": partial(cropped, side=0.95),
    "crop 80%": partial(cropped, side=0.8),
    "crop 60%": partial(cropped, side=0.6),
    "mirror": lambda image, _: ImageOps.mirror(image),
    "brightness x 1.3": partial(brightened, factor=1.3),
    "half size": lambda image, _: image.resize((image.width // 2, image.height // 2)),
    "blur 2 px": lambda image, _: image.filter(ImageFilter.GaussianBlur(2)),
    "grey": lambda image, _: image.convert("L").convert("RGB"),
    "crop 95% + jpeg 60 + brightness x 1.15": in_turn(
        partial(cropped, side=0.95), partial(saved, quality=60), partial(brightened, factor=1.15)
    ),
}
"""The edits by which recall is promised."""
