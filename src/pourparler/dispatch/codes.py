"""QR codes: a frame as a square of modules, and back from a photograph. Needs the extra ``courier``.

One frame, one code, byte for byte: byte mode, error correction level L or as much more as fits, version 25 at most. A
code that is found on an image and is no good is not passed over: :func:`found_in` says where it is.

The libraries that unpack pictures and look for codes trust what they are given, and anybody may give a photograph: so
they run in a process of its own, within bounds of memory and time (:class:`Looker`).
"""

import importlib
import importlib.util
import io
import json
import struct
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pourparler.core import limits
from pourparler.core.errors import Malformed, Missing
from pourparler.dispatch.helper import Helper

CODES_ON_AN_IMAGE_MAX = 256
UPSCALED_BELOW_PIXELS = 6_000_000  # an image as small as this is also looked at twice as large
QUIET_MODULES = 4  # of white around a code
LENGTH = struct.Struct(">I")  # of a picture, or of what was found on it, which follows
LOOK_SECONDS = 60.0
LOOK_BYTES = 1024 * 1024 * 1024  # of address space: the largest picture in colour, in grey, and what looks at it
FOUND_MAX_BYTES = 4 * 1024 * 1024
LIBRARIES = ("PIL", "zxingcpp")


def library(name: str) -> Any:
    """Return a module of the extra. Raises :class:`Missing` (``courier.no-reader``) where it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise Missing("courier.no-reader", 'needs the extra "courier": pip install "pourparler[courier]"') from error


def modules(frame: bytes) -> list[list[bool]]:
    """Return a frame's code, row by row, true for black, without the white around it.

    Raises :class:`Malformed` (``courier.too-long``), and :class:`Missing` where the library is not installed.
    """
    if len(frame) > limits.CODE_FRAME_MAX_BYTES:
        raise Malformed("courier.too-long", f"{len(frame)} bytes; one code carries {limits.CODE_FRAME_MAX_BYTES}")
    code = library("segno").make_qr(frame, error="L", mode="byte", boost_error=True)
    return [[bool(module) for module in row] for row in code.matrix]


@dataclass(frozen=True, slots=True)
class Spot:
    """A code on an image: where its middle is, across and down, and how wide and high it is, all as shares of the
    image; and its bytes, or None where its error correction does not suffice."""

    across: float
    down: float
    width: float
    height: float
    data: bytes | None

    def near(self, other: "Spot", share: float = 0.5) -> bool:
        """Return whether two looks have found the same code: their middles lie within this share of their extents."""
        wide, high = (self.width + other.width) / 2, (self.height + other.height) / 2
        return abs(self.across - other.across) < share * wide and abs(self.down - other.down) < share * high

    def phantom(self, spots: "Iterable[Spot]") -> bool:
        """Return whether this is no code, but corners of others that were read: codes do not lie on one another."""
        return self.data is None and any(other.data is not None and self.near(other, 0.8) for other in spots)


def found_in(image: bytes) -> list[Spot]:
    """Return the codes on an image, from the top down. Raises :class:`Malformed` (``courier.image``), and
    :class:`Missing` where the libraries are not installed. An image may take seconds."""
    opened = open_image(image)
    spots: list[Spot] = []
    for look in looks(opened):
        for spot in look:
            known = next((at for at, other in enumerate(spots) if spot.near(other)), None)
            if known is None:
                spots.append(spot)
            elif spots[known].data is None:
                spots[known] = spot
        if spots and all(spot.data is not None for spot in spots):
            break  # nothing here that a closer look could mend
    found = [spot for spot in spots if not spot.phantom(spots)]
    return sorted(found, key=lambda spot: (round(spot.down, 1), spot.across))[:CODES_ON_AN_IMAGE_MAX]


class Looker(Helper):
    """Looks for codes in a process of its own: see :class:`Helper`."""

    def __init__(self, deadline_seconds: float = LOOK_SECONDS, most_bytes: int = LOOK_BYTES) -> None:
        super().__init__("pourparler.dispatch.looking", deadline_seconds, str(most_bytes))
        self.most_bytes = most_bytes

    def found_in(self, image: bytes) -> list[Spot]:
        """As :func:`found_in`. Raises :class:`Malformed` (``courier.image``) also for an image over which the process
        dies, or does not come to an end."""
        if not all(map(importlib.util.find_spec, LIBRARIES)):
            library("zxingcpp" if importlib.util.find_spec("PIL") else "PIL.Image")  # which says what is lacking
        if len(image) > limits.IMAGE_MAX_BYTES:
            raise Malformed("courier.image", f"{len(image)} bytes; at most {limits.IMAGE_MAX_BYTES}")
        try:
            with self.asked(LENGTH.pack(len(image)) + image) as answer:
                (length,) = LENGTH.unpack(answer(LENGTH.size))
                found = json.loads(answer(min(length, FOUND_MAX_BYTES)))
            if "reason" in found:
                raise Malformed("courier.image", str(found["detail"]))
            return [
                Spot(float(across), float(down), float(width), float(height), data and bytes.fromhex(data))
                for across, down, width, height, data in found["spots"]
            ]
        except (OSError, ValueError, LookupError, TypeError) as error:
            bounds = f"{self.most_bytes >> 20} MiB and {self.deadline_seconds:.0f} seconds"
            what = f"it cannot be looked at within {bounds}: {error}; take another photograph"
            raise Malformed("courier.image", what) from None


def open_image(image: bytes) -> Any:
    """Return an image in grey. PNG and JPEG only, and bounded before anything is unpacked."""
    pictures = library("PIL.Image")
    if len(image) > limits.IMAGE_MAX_BYTES:
        raise Malformed("courier.image", f"{len(image)} bytes; at most {limits.IMAGE_MAX_BYTES}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # our own bound follows
            opened = pictures.open(io.BytesIO(image), formats=("PNG", "JPEG"))
            if opened.width * opened.height > limits.IMAGE_MAX_PIXELS:
                raise Malformed(
                    "courier.image", f"{opened.width} by {opened.height} pixels; {limits.IMAGE_MAX_PIXELS} at most"
                )
            return opened.convert("L")
    except pictures.DecompressionBombError:  # the library's own bound, far beyond ours
        raise Malformed("courier.image", f"more than {limits.IMAGE_MAX_PIXELS} pixels: no photograph") from None
    except (OSError, ValueError, SyntaxError, EOFError, MemoryError) as error:
        raise Malformed("courier.image", f"no image that can be read here, PNG or JPEG: {error}") from None


def looks(image: Any) -> Iterator[list[Spot]]:
    """Yield what one look after another finds: as it is, in harder contrast, larger."""
    reader = library("zxingcpp")
    yield spots_on(image, reader.Binarizer.LocalAverage)
    yield spots_on(image, reader.Binarizer.GlobalHistogram)
    if image.width * image.height <= UPSCALED_BELOW_PIXELS:
        larger = image.resize((2 * image.width, 2 * image.height))
        yield spots_on(larger, reader.Binarizer.LocalAverage)


def spots_on(image: Any, binarizer: Any) -> list[Spot]:
    reader = library("zxingcpp")
    found = reader.read_barcodes(
        image, formats=reader.BarcodeFormat.QRCode, try_invert=False, binarizer=binarizer, return_errors=True
    )
    return [spot_of(code, image.width, image.height) for code in found if is_square(code)]


def corners(code: Any) -> list[tuple[int, int]]:
    at = code.position
    return [(corner.x, corner.y) for corner in (at.top_left, at.top_right, at.bottom_right, at.bottom_left)]


def is_square(code: Any) -> bool:
    """Return whether a code has an extent: what is found in noise often has none."""
    found = corners(code)
    return min(extent([x for x, _ in found]), extent([y for _, y in found])) > 20


def extent(numbers: list[int]) -> int:
    return max(numbers) - min(numbers)


def spot_of(code: Any, width: int, height: int) -> Spot:
    found = corners(code)
    across, down = sum(x for x, _ in found) / 4 / width, sum(y for _, y in found) / 4 / height
    data = bytes(code.bytes) if code.valid else None
    size = extent([x for x, _ in found]) / width, extent([y for _, y in found]) / height
    return Spot(across, down, *size, data)
