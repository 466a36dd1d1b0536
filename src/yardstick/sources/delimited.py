"""CSV and TSV, plain or gzipped, as pages of rows: one pass, every row with its number."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Generator, Iterator
from itertools import chain
from typing import IO, TYPE_CHECKING, Any

from yardstick.sources import unpack
from yardstick.sources.blocks import Block, take_apart
from yardstick.sources.delivery import PAGE_ROWS, Page, Reading, RefusedError, Rows
from yardstick.sources.header import Header

if TYPE_CHECKING:
    from yardstick.sources.files import FilesOptions
    from yardstick.sources.site import Entity

MAX_CELL_CHARACTERS = 4 << 20
MAX_LINE_BYTES = 16 << 20
_BOMS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def _keep_bytes(error: UnicodeError) -> tuple[str, int]:
    """Decoding error handler: one bad byte becomes one lone surrogate, and never swallows the next."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    step = 1 if "16" not in error.encoding and "32" not in error.encoding else error.end - error.start
    bad = error.object[error.start : error.start + step]
    return "".join(chr(0xDC00 + byte) for byte in bad), error.start + step


codecs.register_error("yardstick_keep_bytes", _keep_bytes)


def read(entity: Entity, name: str, stream: IO[bytes], size: int) -> Reading:
    """Read a delimited file.

    Args:
        entity: how it is to be read.
        name: its name, for messages.
        stream: its bytes, at the start; seekable.
        size: how many bytes it has.

    Returns:
        Header and pages. The encoding is the declared one; a file that is plainly of another is refused.

    Raises:
        RefusedError: at once or while pages are read, when the file as a whole cannot be trusted.
    """
    options = entity.options
    magic = stream.read(4)
    stream.seek(0)
    if magic == unpack.ZIP_MAGIC:
        raise RefusedError(f"{name} is a zip or xlsx file. Unpack it, or declare format: xlsx.")
    is_gzip = magic.startswith(unpack.GZIP_MAGIC)
    if name.lower().endswith(".gz") and not is_gzip:
        raise RefusedError(f"{name} is not a gzip file. Deliver it again.")
    pieces = unpack.bounded(
        unpack.gunzip(stream, name) if is_gzip else unpack.plain(stream),
        name,
        size,
        options.max_uncompressed_bytes,
    )
    encoding = codecs.lookup(options.encoding).name
    start = next(pieces, b"")
    while 0 < len(start) < 4 and (more := next(pieces, b"")):
        start += more
    if not start:
        raise RefusedError(f"{name} is empty. Deliver it again.")
    _check_byte_order_mark(options.encoding, encoding, name, start)
    guess = None if encoding in ("utf-8", "ascii", "utf-16", "utf-32") else _Utf8Guess()
    watched = _watched(name, chain([start], pieces), guess)
    if encoding == "utf-8" and start.startswith(codecs.BOM_UTF8):
        watched = chain([start[len(codecs.BOM_UTF8) :]], _watched(name, pieces, guess))
    reading = Reading([], iter(()))
    try:
        reading.pages = _chain_first(_pages(entity, name, _blocks(watched, encoding), encoding, reading))
    except RefusedError:
        _say_encoding(options.encoding, name, watched, guess)
        raise
    reading.pages = _guarded(reading.pages, options.encoding, name, watched, guess)
    return reading


def _chain_first(pages: Iterator[Page]) -> Iterator[Page]:
    """The same pages, the first one read by now: with it the header is known."""
    first = next(pages, None)

    def again() -> Iterator[Page]:
        if first is not None:
            yield first
        yield from pages

    return again()


def _guarded(
    pages: Iterator[Page], declared: str, name: str, pieces: Iterator[bytes], guess: _Utf8Guess | None
) -> Iterator[Page]:
    """The pages; what else is wrong is told as a wrong encoding when it is one."""
    try:
        yield from pages
    except RefusedError:
        _say_encoding(declared, name, pieces, guess)
        raise
    _say_encoding(declared, name, pieces, guess)


def _say_encoding(declared: str, name: str, pieces: Iterator[bytes], guess: _Utf8Guess | None) -> None:
    """Refuse a file whose bytes are UTF-8 although another encoding is declared."""
    if guess is None:
        return
    try:
        for _ in pieces:
            pass
    except RefusedError:
        return
    if guess.is_utf8():
        raise RefusedError(
            f"{name} is not {declared}: its bytes are UTF-8. "
            "Correct the encoding in the site file, or deliver it in the declared one."
        ) from None


def _watched(name: str, pieces: Iterator[bytes], guess: _Utf8Guess | None) -> Iterator[bytes]:
    """The pieces, refused before a line without end fills the memory."""
    since_line_end = 0
    for piece in pieces:
        if guess:
            guess.feed(piece)
        end = piece.rfind(b"\n")
        since_line_end = since_line_end + len(piece) if end < 0 else len(piece) - end
        if since_line_end > MAX_LINE_BYTES:
            raise RefusedError(
                f"{name} holds a line of more than {MAX_LINE_BYTES:,} bytes. "
                "Check the file and its quotation marks."
            )
        yield piece


def _check_byte_order_mark(declared: str, encoding: str, name: str, start: bytes) -> None:
    for mark, family in _BOMS.items():
        if start.startswith(mark):
            if not encoding.startswith(family):
                raise RefusedError(
                    f"{name} is not {declared}: it starts with the byte-order mark of {family}. "
                    "Correct the encoding in the site file, or deliver it in the declared one."
                )
            break


class _Lines:
    """Lines to be read row by row, block after block.

    Attributes:
        taken: the lines since the last row began.
    """

    def __init__(self, blocks: Iterator[bytes], errors: str) -> None:
        self._blocks = blocks
        self._errors = errors
        self._lines: list[str] = []
        self._at = 0
        self.taken: list[str] = []

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        if self.is_spent:
            self.open(next(self._blocks))
        line = self._lines[self._at]
        self._at += 1
        self.taken.append(line)
        return line

    def open(self, block: bytes) -> None:
        """Begin with a block."""
        self._lines = io.StringIO(block.decode("utf-8", self._errors), newline="").readlines()
        self._at = 0

    @property
    def is_spent(self) -> bool:
        """Whether the last block is used up."""
        return self._at >= len(self._lines)

    def rest(self) -> bytes:
        """What is left of the last block; it is used up then."""
        rest = "".join(self._lines[self._at :])
        self._lines = []
        return rest.encode("utf-8", self._errors)


def _blocks(pieces: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """Whole lines; bytes of another encoding than UTF-8 are told in UTF-8."""
    decoder = (
        None if encoding == "utf-8" else codecs.getincrementaldecoder(encoding)(errors="yardstick_keep_bytes")
    )
    pending: list[bytes] = []
    for piece in pieces:
        if decoder:
            piece = decoder.decode(piece).encode("utf-8", "surrogatepass")
        cut = piece.rfind(b"\n") + 1
        if cut:
            yield b"".join([*pending, piece[:cut]])
            pending = [piece[cut:]]
        else:
            pending.append(piece)
    if decoder:
        pending.append(decoder.decode(b"", True).encode("utf-8", "surrogatepass"))
    if rest := b"".join(pending):
        yield rest


def _pages(
    entity: Entity, name: str, blocks: Iterator[bytes], encoding: str, reading: Reading
) -> Iterator[Page]:
    options = entity.options
    csv.field_size_limit(MAX_CELL_CHARACTERS)
    errors = "surrogateescape" if encoding == "utf-8" else "surrogatepass"
    lines = _Lines(blocks, errors)
    dialect = {
        "delimiter": options.delimiter,
        "quotechar": options.quote or None,
        "quoting": csv.QUOTE_MINIMAL if options.quote else csv.QUOTE_NONE,
        "strict": True,
    }
    reader = csv.reader(lines, **dialect)
    number = _seek_header(name, options.header_row, reader)
    cells = _next_row(name, number, reader, "the header, ")
    if cells is None:
        raise RefusedError(
            f"{name} has no row {options.header_row}, where the header was expected. Check header_row."
        )
    _check_header_text(options.encoding, name, number, cells)
    header = Header(entity, f"{name}: row {number}", cells)
    reading.header = header.names
    trailing = len(cells) - header.width
    rows = Rows(header.width, header.event, options.encoding)
    rest = lines.rest()
    while block := rest or next(blocks, b""):
        rest = b""
        if not block.endswith(b"\n"):  # the file's last line
            block += b"\n"
        taken = _take(block, options, header, trailing) if len(block) <= MAX_LINE_BYTES else None
        if taken is not None:
            rows.count += len(taken.rows)
            yield Page(
                range(number + 1, number + 1 + len(taken.rows)), None, taken.event_values, packed=taken.rows
            )
            number += len(taken.rows)
            if taken.length < len(block):  # a row goes on in the next block
                rest = block[taken.length :]
                more = next(blocks, b"")
                rest = rest + more if more else rest.removesuffix(b"\n")
            continue
        lines.open(block)
        number = yield from _row_by_row(name, lines, dialect, rows, number, trailing)
    bad_rows = len(rows.undecodable)
    if bad_rows > max(1, rows.count // 100) or (bad_rows and bad_rows == rows.count):
        raise RefusedError(
            f"{name} is not {options.encoding}: {bad_rows} of {rows.count} rows cannot be decoded, "
            f"the first is row {rows.undecodable[0]}. "
            "Correct the encoding in the site file, or deliver it in the declared one."
        )


def _seek_header(name: str, header_row: int, reader: Iterator[list[str]]) -> int:
    """Pass over what stands above the header; the header's row number."""
    for number in range(1, header_row):
        try:
            next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            _check_error(name, number, error)
    return header_row


def _next_row(name: str, number: int, reader: Iterator[list[str]], what: str) -> list[str] | None:
    try:
        return next(reader)
    except StopIteration:
        return None
    except csv.Error as error:
        _check_error(name, number, error)
        raise RefusedError(f"{name}: row {number}, {what}cannot be read: {error}.") from None


def _row_by_row(
    name: str, lines: _Lines, dialect: dict[str, Any], rows: Rows, number: int, trailing: int
) -> Generator[Page, None, int]:
    """The rows that begin in the block the lines stand in, each judged for itself.

    Returns:
        The number of the last row.
    """
    width = rows.width or 0
    reader = csv.reader(lines, **dialect)
    numbers: list[int] = []
    found: list[list[str]] = []
    while not lines.is_spent:
        number += 1
        lines.taken.clear()
        try:
            row = next(reader)
        except csv.Error as error:
            _check_error(name, number, error)
            if found:
                yield rows.page(numbers, found)
                numbers, found = [], []
            yield rows.one(
                number, ["".join(lines.taken).rstrip("\r\n")], "bad_quoting",
                f"row {number} has text after a closing quotation mark (kept whole in one cell)",
            )  # fmt: skip
            continue
        if not row:
            continue  # a blank line counts as a row of the file and holds none
        if trailing and len(row) == width + trailing and not any(row[width:]):
            del row[width:]  # a trailing separator on every row, as on the header, is a habit
        numbers.append(number)
        found.append(row)
        if len(found) == PAGE_ROWS:
            yield rows.page(numbers, found)
            numbers, found = [], []
    if found:
        yield rows.page(numbers, found)
    return number


def _take(block: bytes, options: FilesOptions, header: Header, trailing: int) -> Block | None:
    """The rows of a block that is sound as a whole, all at once."""
    try:
        block.decode()
    except UnicodeDecodeError:
        return None
    if not options.delimiter.isascii() or not options.quote.isascii():
        return None
    return take_apart(
        block,
        delimiter=ord(options.delimiter),
        quote=ord(options.quote) if options.quote else None,
        width=header.width,
        event=header.event,
        trailing=trailing,
    )


def _check_error(name: str, number: int, error: csv.Error) -> None:
    if "unexpected end of data" in str(error):
        raise RefusedError(
            f"{name}: row {number} opens a quotation mark that is never closed. "
            "Is the file cut off? Deliver it again."
        ) from None
    if "field larger than" in str(error):
        raise RefusedError(
            f"{name}: row {number} holds a cell of more than {MAX_CELL_CHARACTERS:,} characters. "
            "Check the delimiter and the quotation marks."
        ) from None


def _check_header_text(encoding: str, name: str, number: int, row: list[str]) -> None:
    text = "".join(row)
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise RefusedError(
            f"{name} is not {encoding}: its header, row {number}, cannot be decoded. "
            "Correct the encoding in the site file, or deliver it in the declared one."
        )
    if "\x00" in text:
        raise RefusedError(f"{name} is not {encoding} text: its header, row {number}, holds NUL bytes.")


class _Utf8Guess:
    """Whether bytes declared as something else are UTF-8: enough non-ASCII text, and all of it valid."""

    def __init__(self) -> None:
        self.decoder = codecs.getincrementaldecoder("utf-8")()
        self.beyond_ascii = 0
        self.is_valid = True

    def feed(self, chunk: bytes) -> None:
        """Look at the next piece."""
        if self.is_valid:
            try:
                text = self.decoder.decode(chunk)
            except UnicodeDecodeError:
                self.is_valid = False
            else:
                if not text.isascii():
                    self.beyond_ascii += sum(character > "\x7f" for character in text)

    def is_utf8(self) -> bool:
        """The verdict, once everything was seen."""
        try:
            self.decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
        return self.is_valid and self.beyond_ascii >= 8
