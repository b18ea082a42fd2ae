"""Paper for tests: a page's SVG printed as pixels, and photographed: tilted, from an angle, noisy, stained."""

import io
import random
import re

from PIL import Image, ImageChops, ImageDraw, ImageFilter

DOTS = 8  # for each millimetre: about 200 dots per inch
CODE = re.compile(r'<path transform="translate\(([\d.]+) ([\d.]+)\) scale\(([\d.]+)\)" d="([^"]+)"/>')
BAR = re.compile(r"M(\d+) (\d+)h(\d+)v1h-\d+z")
SIZE = re.compile(r'viewBox="0 0 ([\d.]+) ([\d.]+)"')


def printed(svg: str, dots: float = DOTS) -> Image.Image:
    """Return the codes of a page as a printer puts them on paper; captions are left out."""
    wide, high = map(float, SIZE.search(svg).groups())
    page = Image.new("L", (round(wide * dots), round(high * dots)), 255)
    pen = ImageDraw.Draw(page)
    for across, down, scale, path in CODE.findall(svg):
        left, top, module = float(across) * dots, float(down) * dots, float(scale) * dots
        for x, y, length in BAR.findall(path):
            box = (left + int(x) * module, top + int(y) * module)
            end = (left + (int(x) + int(length)) * module, top + (int(y) + 1) * module)
            pen.rectangle((round(box[0]), round(box[1]), round(end[0]) - 1, round(end[1]) - 1), fill=0)
    return page


def photographed(
    page: Image.Image,
    *,
    seed: int = 1,
    degrees: float = 7.0,
    scale: float = 0.8,
    noise: int = 24,
    blur: float = 0.6,
) -> Image.Image:
    """Return a photograph: the page on a table, turned, in uneven light, from an angle, out of focus, with noise."""
    margin = round(0.12 * page.height)
    table = Image.new("L", (page.width + 2 * margin, page.height + 2 * margin), 120)
    table.paste(page, (margin, margin))
    turned = table.rotate(degrees, Image.Resampling.BICUBIC, fillcolor=120)
    wide, high = turned.size
    far = 0.03 * wide  # the upper edge is farther away
    corners = (-far, 0, -0.0, high, wide, high, wide + far, 0)
    seen = turned.transform((wide, high), Image.Transform.QUAD, corners, Image.Resampling.BICUBIC, fillcolor=120)
    small = seen.resize((round(wide * scale), round(high * scale)), Image.Resampling.LANCZOS)
    light = Image.linear_gradient("L").rotate(90).resize(small.size).point(lambda value: 165 + value * 90 // 255)
    lit = ImageChops.multiply(small.filter(ImageFilter.GaussianBlur(blur)), light)
    grain = Image.frombytes("L", small.size, random.Random(seed).randbytes(small.width * small.height))
    rough = grain.point(lambda value: value * noise * 2 // 255)
    return ImageChops.add(lit.point(lambda value: 20 + value * 85 // 100), rough, offset=-noise)


def stained(page: Image.Image, box: tuple[int, int, int, int]) -> Image.Image:
    """Return a page on which something was spilt."""
    spoilt = page.copy()
    chance = random.Random(4)
    pen = ImageDraw.Draw(spoilt)
    for _ in range(60):
        x, y = chance.randint(box[0], box[2]), chance.randint(box[1], box[3])
        pen.ellipse((x - 20, y - 20, x + 20, y + 20), fill=chance.choice((0, 90, 255)))
    return spoilt


def png(image: Image.Image) -> bytes:
    data = io.BytesIO()
    image.save(data, "PNG")
    return data.getvalue()


def jpeg(image: Image.Image, quality: int = 70) -> bytes:
    data = io.BytesIO()
    image.save(data, "JPEG", quality=quality)
    return data.getvalue()
