"""Pictures that look a little like photos, what people do to a photo that they copy, and pictures that share a part."""

import io
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

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


Draw = Callable[[int], Image.Image]


def _type(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _words(random: np.random.Generator, letters: int) -> str:
    return " ".join("".join(random.choice([*"aeimnorstul"], random.integers(2, 9))) for _ in range(letters // 6))


def under_a_logo(number: int) -> Image.Image:
    image = drawn(number)
    image.paste(drawn(99, (100, 100)), (10, 10))
    return image


def under_a_banner(number: int) -> Image.Image:
    image = drawn(number)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 190, 340, 256), fill=(200, 30, 30))
    draw.text((8, 196), "SUMMER SALE 50% OFF", font=_type(30), fill="white")
    draw.text((8, 232), "www.shop.example: deals of this week", font=_type(16), fill="yellow")
    return image


def in_a_frame(number: int) -> Image.Image:
    frame = drawn(99, (440, 356))
    frame.paste(drawn(number), (50, 50))
    return frame


def with_a_subtitle(number: int) -> Image.Image:
    image = drawn(number)
    for line, text in enumerate(("It was for the party, you know that!", "I never said you could eat it.")):
        at = (20, 190 + 25 * line)
        ImageDraw.Draw(image).text(at, text, font=_type(20), fill="white", stroke_width=2, stroke_fill="black")
    return image


def with_a_watermark(number: int) -> Image.Image:
    image = drawn(number)
    draw = ImageDraw.Draw(image, "RGBA")
    draw.text((10, 90), "STOCKPHOTO", font=_type(50), fill=(255, 255, 255, 140), stroke_width=2)
    return image


def page_of_text(number: int, size: tuple[int, int] = (480, 640)) -> Image.Image:
    random = np.random.default_rng(number)
    page = Image.new("RGB", size, "white")
    for top in range(20, size[1] - 30, 22):
        ImageDraw.Draw(page).text((20, top), _words(random, size[0] // 8), font=_type(14), fill="black")
    return page


def _window(content: Image.Image) -> Image.Image:
    window = Image.new("RGB", (640, 440), (245, 245, 245))
    draw = ImageDraw.Draw(window)
    draw.rectangle((0, 0, 640, 28), fill=(50, 80, 150))
    draw.text((10, 5), "Photo Manager Pro 3.1", font=_type(14), fill="white")
    draw.text((10, 33), "File   Edit   View   Image   Layer   Window   Help", font=_type(14), fill="black")
    for button in range(16):
        draw.rectangle((8 + button * 26, 56, 28 + button * 26, 76), fill=(200 - button * 5, 220 - button * 8, 190))
    for line, name in enumerate(("Albums", "Holiday", "Family", "Places", "Berlin", "Lima", "Tags", "Trash", "About")):
        draw.text((10, 90 + line * 22), name, font=_type(14), fill="black")
    window.paste(content, (160, 90))
    return window


def window_with_a_photo(number: int) -> Image.Image:
    return _window(drawn(number, (470, 330)))


def window_with_text(number: int) -> Image.Image:
    return _window(page_of_text(number, (470, 330)))


def bricks(number: int) -> Image.Image:
    random = np.random.default_rng(number)
    wall = Image.new("RGB", (340, 256), "grey")
    for row in range(16):
        for column in range(-1, 10):
            left, shade = column * 36 + row % 2 * 18, int(random.integers(90, 150))
            box = (left, row * 16, left + 32, row * 16 + 12)
            ImageDraw.Draw(wall).rectangle(box, fill=(shade, shade // 2, 40))
    return wall


def fabric(number: int) -> Image.Image:
    random = np.random.default_rng(number)
    x, y = np.meshgrid(np.arange(340), np.arange(256))
    across, down = 2 * np.pi * x / random.uniform(7, 12), 2 * np.pi * y / random.uniform(7, 12)
    weave = 128 + 50 * np.sin(across) * np.sign(np.sin(down / 2)) + 40 * np.sin(down) + random.normal(0, 12, x.shape)
    return Image.fromarray(np.clip(weave, 0, 255).astype(np.uint8)).convert("RGB")


def almost_uniform(number: int) -> Image.Image:
    random = np.random.default_rng(number)
    grain = random.uniform(20, 235) + random.normal(0, 1.5, (256, 340, 3))
    return Image.fromarray(grain.astype(np.uint8))


ALIKE: Mapping[str, Draw] = {
    draw.__name__.replace("_", " "): draw
    for draw in (
        under_a_logo,
        under_a_banner,
        in_a_frame,
        with_a_subtitle,
        with_a_watermark,
        page_of_text,
        window_with_a_photo,
        window_with_text,
        bricks,
        fabric,
        almost_uniform,
    )
}
"""Pictures that share a part, or a look, with others of their kind, and are no copies of one another."""
