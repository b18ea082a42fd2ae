"""Files that somebody names: read within bounds, and what they look like where they are of another kind."""

from pathlib import Path

from pourparler.cli.trouble import INPUT, Problem

BEGINNINGS: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive or an office document"),
    (b"\x1f\x8b", "something packed with gzip: unpack it first"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"<", "a web page or other markup"),
    (b"{", "JSON"),
    (b"-----BEGIN", "a key or certificate"),
    (b"SQLite format 3", "a ledger's database: export a bundle from it"),
    (b"\xd2\x84", "a single act, not a bundle"),
    (b"\xd8\x62\x84", "a single act, not a bundle"),
)


def read_file(path: Path, most_bytes: int, what: str) -> bytes:
    """Return a file's bytes. Raises :class:`Problem`."""
    return bounded(read_beginning(path, most_bytes, what), most_bytes, f"{path}", what)


def read_beginning(path: Path, most_bytes: int, what: str) -> bytes:
    """Return a file's bytes, and of one that is larger than ``most_bytes`` one more than these. Raises
    :class:`Problem`."""
    try:
        if path.is_dir():
            raise Problem(INPUT, f"{path} is a directory, not {what}.", "Name a file in it.")
        with path.open("rb") as file:
            return file.read(most_bytes + 1)
    except FileNotFoundError:
        raise Problem(INPUT, f"there is no file {path}.", "Check the path.") from None
    except PermissionError:
        raise Problem(INPUT, f"{path} may not be read by you.", "Check its owner and its mode.") from None
    except (OSError, ValueError) as error:
        raise Problem(INPUT, f"{path} cannot be read: {getattr(error, 'strerror', None) or error}.") from None


def bounded(data: bytes, most_bytes: int, where: str, what: str) -> bytes:
    if not data:
        raise Problem(INPUT, f"{where} is empty.", "Perhaps it was not copied to its end; fetch it again.")
    if len(data) > most_bytes:
        raise Problem(INPUT, f"{where} is too large: {what} has {most_bytes:,} bytes at most.", "Is it the right file?")
    return data


def looks_like(data: bytes) -> str:
    """Return what a file that is no bundle seems to be, or nothing."""
    begins = data.lstrip()[:16]
    for beginning, what in BEGINNINGS:
        if begins.startswith(beginning):
            return what
    sample = data[:512]
    return "plain text" if all(9 <= byte < 127 for byte in sample) else ""
