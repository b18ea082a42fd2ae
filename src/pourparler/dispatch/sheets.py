"""Sheets of codes on paper: acts printed, carried, photographed, read. ``spec/courier.md`` section 6.

A sheet has groups. Each group is one thing that arrives or does not: an act as a telegram, a member's signature under a
decision, or an object as symbols. Above its codes stands, for people, what it is and how many codes suffice. Reading
names each code by its *label*, which is printed above it and follows from its frame alone.

>>> label(bytes.fromhex("d1033f2a00000000000000010007000004"))
'3f2a·5'
"""

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from pourparler.core import limits
from pourparler.core.act import parse_act
from pourparler.core.encoding import kid_of
from pourparler.core.errors import Malformed, PourparlerError, Refused
from pourparler.dispatch.captions import Language, Names, kind_words, lines_of, place, short, words
from pourparler.dispatch.codes import QUIET_MODULES, Looker, modules
from pourparler.dispatch.fountain import ANY_OF, symbol_size, symbols, symbols_needed
from pourparler.dispatch.frame import (
    HEADER_BYTES,
    FrameForm,
    Part,
    Piece,
    Symbol,
    joined,
    parse_frame,
    part_frame,
    symbol_frame,
    symbol_room,
    telegram,
    verify_symbol,
)
from pourparler.dispatch.parcel import batch, object_digest, read_object
from pourparler.ports import Signer

COPIES = 2  # of a code that is alone
SPARE_SHARE, SPARE_LEAST = 2, 2  # symbols beyond those needed: one for each two, and at least two
ACTS_NAMED = 6  # in the caption of an object; the rest are counted


@dataclass(frozen=True, slots=True)
class Group:
    """Codes that belong together: any ``enough`` of ``frames`` suffice. ``lines`` say for people what it is."""

    frames: tuple[bytes, ...]
    enough: int
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """What is printed: groups, in one language."""

    groups: tuple[Group, ...]
    language: Language


# --- what stands on a sheet -------------------------------------------------------------------------------------------


def nameless(_: bytes) -> None:
    return None


def sheet(
    acts: Sequence[bytes],
    parts: Sequence[tuple[bytes, bytes, bytes]] = (),
    *,
    sealer: tuple[bytes, Signer] | None = None,
    names: Names = nameless,
    language: Language = "en",
) -> Sheet:
    """Return the sheet for envelopes, and for parts (payload, kid, signature).

    Acts that fit into a code each are telegrams; the others travel together as an object, whose symbols ``sealer``
    signs: a party and its dispatch key. Raises :class:`Malformed` (``courier.too-long`` where there is no such key,
    ``object.*``, ``act.*``), :class:`Missing` without the extra ``radio`` where symbols are made, and
    :class:`OSError` where the key cannot sign.
    """
    found, long = [], []
    for act in acts:
        if len(act) + HEADER_BYTES <= limits.CODE_FRAME_MAX_BYTES:
            found.append(telegram_group(act, names, language))
        else:
            long.append(act)
    found += [part_group(*part, names, language) for part in parts]
    if long:
        if sealer is None:
            raise Malformed(
                "courier.too-long",
                f"an act of {len(long[0])} bytes is too long for one code, and no dispatch key signs several",
            )
        found.append(object_group(batch(long), *sealer, names, language))
    return Sheet(tuple(found), language)


def telegram_group(envelope: bytes, names: Names, language: Language) -> Group:
    act = parse_act(envelope)
    return Group((telegram(envelope, act.id),) * COPIES, 1, tuple(lines_of(act, names, language)))


def part_group(payload: bytes, kid: bytes, signature: bytes, names: Names, language: Language) -> Group:
    act = parse_act(joined(payload, [(kid, signature)]).encoded())
    frame = part_frame(payload, kid, signature, act.id)
    if len(frame) > limits.CODE_FRAME_MAX_BYTES:
        raise Malformed(
            "courier.too-long", f"a decision of {len(payload)} bytes with a signature is too long for one code"
        )
    lines = (*lines_of(act, names, language), words("member", language, kid=short(kid)))
    return Group((frame,) * COPIES, 1, lines)


def object_group(data: bytes, party: bytes, signer: Signer, names: Names, language: Language) -> Group:
    """Return the group of an object as symbols."""
    room = symbol_room(limits.CODE_FRAME_MAX_BYTES)
    size, needed = symbol_size(len(data), room), symbols_needed(len(data), room)
    so_many = needed + max(SPARE_LEAST, -(-needed // SPARE_SHARE))
    chosen = ANY_OF.get(needed, range(so_many))[:so_many]
    tag = object_digest(data)[:8]
    made = zip(chosen, symbols(data, size, chosen), strict=True)
    frames = tuple(symbol_frame(Piece(tag, len(data), number, symbol), party, signer) for number, symbol in made)
    enough = needed if needed in ANY_OF else needed + 1  # where not every set was tried: k + 1 nearly always do
    return Group(frames, enough, tuple(object_lines(data, names, language)))


def object_lines(data: bytes, names: Names, language: Language) -> list[str]:
    envelopes = getattr(read_object(data), "envelopes", ())
    acts = [parse_act(envelope) for envelope in envelopes]
    if len(acts) == 1:
        return lines_of(acts[0], names, language)
    lines = [words("acts", language, number=len(acts))]
    lines += [f"{kind_words(act.kind, language)} {short(act.id)}" for act in acts[:ACTS_NAMED]]
    if len(acts) > ACTS_NAMED:
        lines.append(words("more", language, number=len(acts) - ACTS_NAMED))
    return lines


def label(frame: bytes) -> str:
    """Return what is printed above a code: it follows from the frame alone, genuine or not."""
    if len(frame) <= HEADER_BYTES - 1:
        return ""
    tag = frame[2:4].hex()
    match frame[1]:
        case FrameForm.SYMBOL | FrameForm.BARE:
            return f"{tag}·{int.from_bytes(frame[14:17]) + 1}"
        case FrameForm.PART:
            return f"{tag}·{frame[-72:-70].hex()}"
    return tag


def suffices(group: Group, language: Language) -> str:
    """Return the sentence that says how many codes suffice."""
    if len(group.frames) == 1:
        return words("one-of-one", language)
    return words("one-of" if group.enough == 1 else "any-of", language, enough=group.enough, codes=len(group.frames))


# --- printing: millimetres on A4 --------------------------------------------------------------------------------------

PAGE = (210.0, 297.0)
MARGIN = 11.0
MODULE = 0.5  # how wide a module of a code is: what a phone still sees at arm's length
LINE = 5.0
LABEL = 6.0
TEXT_WIDTH = 92  # characters
FOOT = 14.0


@dataclass(slots=True)
class Page:
    """One page as it fills up: SVG elements, and how far down it is full."""

    marks: list[str]
    down: float = MARGIN

    @property
    def left(self) -> float:
        """How much room is left, in millimetres."""
        return PAGE[1] - MARGIN - FOOT - self.down

    def write(self, text: str, *, bold: bool = False) -> None:
        for line in textwrap.wrap(text, TEXT_WIDTH) or [""]:
            self.down += LINE
            weight = ' font-weight="bold"' if bold else ""
            self.marks.append(f'<text x="{MARGIN}" y="{self.down:.2f}"{weight}>{escape(line)}</text>')


def pages(sheet: Sheet) -> list[str]:
    """Return the pages of a sheet, each an SVG image of A4. Raises :class:`Missing` without the extra ``courier``."""
    filled: list[Page] = []
    for group in sheet.groups:
        for number, row in enumerate(rows_of(group)):
            deep = max(side(square) for _, square in row) + LABEL + LINE
            heading = (len(group.lines) + 2) * LINE
            if not filled or filled[-1].left < deep + heading:
                filled.append(Page([]))
                head(filled[-1], group, sheet.language)
            elif number == 0:
                head(filled[-1], group, sheet.language)
            draw(filled[-1], row)
    return [svg(page, number, len(filled), sheet.language) for number, page in enumerate(filled, 1)]


def rows_of(group: Group) -> Iterator[list[tuple[bytes, list[list[bool]]]]]:
    """Yield a group's codes in rows, as many beside each other as the page is wide."""
    squares = {frame: modules(frame) for frame in group.frames}
    row: list[tuple[bytes, list[list[bool]]]] = []
    across = 0.0
    for frame in group.frames:
        wide = side(squares[frame])
        if row and across + wide > PAGE[0] - 2 * MARGIN:
            yield row
            row, across = [], 0.0
        row.append((frame, squares[frame]))
        across += wide
    yield row


def side(square: list[list[bool]]) -> float:
    """Return how wide a code is with the white around it."""
    return (len(square) + 2 * QUIET_MODULES) * MODULE


def head(page: Page, group: Group, language: Language) -> None:
    for number, line in enumerate(group.lines):
        page.write(line, bold=number == 0)
    page.write(suffices(group, language))
    page.down += LINE / 2


def draw(page: Page, row: list[tuple[bytes, list[list[bool]]]]) -> None:
    across = MARGIN
    for frame, square in row:
        quiet = QUIET_MODULES * MODULE
        page.marks.append(
            f'<text x="{across + quiet:.2f}" y="{page.down + LABEL - 1:.2f}">{escape(label(frame))}</text>'
        )
        page.marks.append(
            f'<path transform="translate({across + quiet:.2f} {page.down + LABEL + quiet:.2f}) scale({MODULE})" '
            f'd="{path(square)}"/>'
        )
        across += side(square)
    page.down += max(side(square) for _, square in row) + LABEL


def path(square: list[list[bool]]) -> str:
    """Return a code as an SVG path: each run of black modules as a bar."""
    bars = []
    for y, row in enumerate(square):
        start = None
        for x, black in enumerate([*row, False]):
            if black and start is None:
                start = x
            elif not black and start is not None:
                bars.append(f"M{start} {y}h{x - start}v1h{start - x}z")
                start = None
    return "".join(bars)


def svg(page: Page, number: int, so_many: int, language: Language) -> str:
    wide, high = PAGE
    title = f"{words('title', language)}, {words('page', language, page=number, pages=so_many)}"
    foot = (title, words("read", language), words("secret", language))
    lines = "".join(
        f'<text x="{MARGIN}" y="{high - MARGIN - FOOT + LINE * (at + 1):.2f}">{escape(line)}</text>'
        for at, line in enumerate(foot)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" lang="{language}" width="{wide:g}mm" height="{high:g}mm" '
        f'viewBox="0 0 {wide:g} {high:g}" font-family="sans-serif" font-size="3.6">'
        f'<rect width="100%" height="100%" fill="#fff"/>{"".join(page.marks)}{lines}</svg>'
    )


def html(sheet: Sheet) -> str:
    """Return a sheet as one HTML page that prints on A4, loads nothing and runs nothing."""
    drawn = "\n".join(pages(sheet))
    return (
        f'<!doctype html>\n<html lang="{sheet.language}"><head><meta charset="utf-8">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{words('title', sheet.language)}</title><style>"
        "@page{size:A4;margin:0}body{margin:0}svg{display:block;break-after:page}"
        f"</style></head><body>\n{drawn}\n</body></html>\n"
    )


# --- reading ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Seen:
    """A code on an image: good where ``reason`` is empty. ``across`` and ``down`` say where, each from 0 to 1; they are
    None where the image itself is no good, or nothing is on it."""

    image: str
    across: float | None
    down: float | None
    frame: bytes | None
    reason: str = ""
    detail: str = ""

    def named(self, language: Language = "en") -> str:
        """Return what a person finds the code by: its label, and where it is."""
        found = label(self.frame) if self.frame is not None else ""
        where = "" if self.across is None or self.down is None else place(self.across, self.down, language)
        return ", ".join(part for part in (found, where, self.image) if part)


def read(images: Iterable[tuple[str, bytes]], keys: Mapping[bytes, bytes]) -> list[Seen]:
    """Return every code on some images, each given with its name, and for an image without any, one entry that says so
    (``courier.image``, ``courier.no-code``). ``keys`` maps dispatch keys to parties.

    Each is looked at in a process of its own. Raises :class:`Missing` (``courier.no-reader``) without the extra.
    """
    with Looker() as looker:
        return [seen for name, data in images for seen in read_image(name, data, keys, looker)]


def read_image(name: str, data: bytes, keys: Mapping[bytes, bytes], looker: Looker) -> list[Seen]:
    try:
        spots = looker.found_in(data)
    except Malformed as error:
        return [Seen(name, None, None, None, error.reason, error.detail)]
    if not spots:
        what = "there is no code on it: take it from nearer, in better light, from straight above"
        return [Seen(name, None, None, None, "courier.no-code", what)]
    return [Seen(name, spot.across, spot.down, spot.data, *judge(spot.data, keys)) for spot in spots]


def good(seen: Iterable[Seen]) -> list[bytes]:
    """Return the frames that are good, each once, in the order in which they were seen."""
    return list(dict.fromkeys(one.frame for one in seen if one.frame is not None and not one.reason))


def judge(frame: bytes | None, keys: Mapping[bytes, bytes]) -> tuple[str, str]:
    """Return why a code is bad, as reason and detail; both empty where it is good."""
    if frame is None:
        return "courier.unreadable", "a code is there, and cannot be read: torn, stained, or out of focus"
    try:
        parsed = parse_frame(frame)
        if isinstance(parsed, Symbol):
            check_symbol(frame, parsed, keys)
    except PourparlerError as error:
        return error.reason, error.detail
    return "", ""


def check_symbol(frame: bytes, symbol: Symbol, keys: Mapping[bytes, bytes]) -> None:
    """Raise :class:`Refused` unless a known dispatch key signed a symbol (``frame.bare``, ``frame.key``,
    ``signature.invalid``)."""
    if symbol.signature is None:
        raise Refused("frame.bare", "a symbol without signature: paper does not say who printed it")
    hinted = [key for key in keys if kid_of(key)[0] == symbol.header.hint]
    if not hinted:
        raise Refused("frame.key", "no dispatch key that is known here has this hint")
    for key in hinted[:-1]:
        try:
            verify_symbol(frame, key, keys[key])
        except Refused:
            continue
        return
    verify_symbol(frame, hinted[-1], keys[hinted[-1]])


def parts_in(frames: Iterable[bytes]) -> list[Part]:
    """Return the members' signatures among good frames."""
    return [parsed for parsed in map(parse_frame, frames) if isinstance(parsed, Part)]
