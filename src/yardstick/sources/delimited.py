"""CSV and TSV, plain or gzipped, as pages of rows: one pass, every row with its number."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING

from yardstick.sources import unpack
from yardstick.sources.blocks import Block, take_apart
from yardstick.sources.delivery import Item, Page, Reading, RefusedError, Rows
from yardstick.sources.footer import Footer
from yardstick.sources.header import depth, locate

if TYPE_CHECKING:
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


def read(entity: Entity, name: str, pieces: Iterator[bytes], size: int) -> Reading:
    """Read a delimited file.

    Args:
        entity: how it is to be read.
        name: its name, for messages.
        pieces: its bytes.
        size: how many bytes were delivered; what unpacks to much more is refused.

    Returns:
        Header and pages. The encoding is the declared one; a file that is plainly of another is refused.

    Raises:
        RefusedError: at once or while pages are read, when the file as a whole cannot be trusted.
    """
    options = entity.options
    start, pieces = _begin(pieces)
    if start.startswith(unpack.ZIP_MAGIC):
        raise RefusedError(
            f"{name} is a zip or xlsx file. Declare format: xlsx, name it .zip or declare member, or unpack it."
        )
    is_gzip = start.startswith(unpack.GZIP_MAGIC)
    if name.lower().endswith(".gz") and not is_gzip:
        raise RefusedError(f"{name} is not a gzip file. Deliver it again.")
    unpacked = unpack.gunzip(pieces, name) if is_gzip else pieces
    pieces = unpack.bounded(unpacked, name, size, options.max_uncompressed_bytes)
    encoding = codecs.lookup(options.encoding).name
    start, pieces = _begin(pieces)
    if not start:
        raise RefusedError(f"{name} is empty. Deliver it again.")
    _check_byte_order_mark(options.encoding, encoding, name, start)
    guess = None if encoding in ("utf-8", "ascii", "utf-16", "utf-32") else _Utf8Guess()
    watched = _watched(name, pieces, guess)
    reading = Reading([], iter(()))
    try:
        table = _Table(entity, name, _blocks(watched, encoding), encoding, reading)
        reading.pages = _chain_first(table.pages())
    except RefusedError:
        _say_encoding(options.encoding, name, watched, guess)
        raise
    reading.pages = _guarded(reading.pages, options.encoding, name, watched, guess)
    return reading


def _begin(pieces: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The first bytes, as many as a mark of any kind has, and all pieces again."""
    start = next(pieces, b"")
    while 0 < len(start) < 4 and (more := next(pieces, b"")):
        start += more
    return start, chain([start] if start else [], pieces)


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
        errors: how bytes that are no UTF-8 stand in a line.
        taken: the lines since the last row began.
    """

    def __init__(self, blocks: Iterator[bytes], errors: str) -> None:
        self.errors = errors
        self._blocks = blocks
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
        self._lines = io.StringIO(block.decode("utf-8", self.errors), newline="").readlines()
        self._at = 0

    @property
    def is_spent(self) -> bool:
        """Whether the last block is used up."""
        return self._at >= len(self._lines)

    def rest(self) -> bytes:
        """What is left of the last block; it is used up then."""
        rest = "".join(self._lines[self._at :])
        self._lines = []
        return rest.encode("utf-8", self.errors)


def _blocks(pieces: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """Whole lines; bytes of another encoding than UTF-8 are told in UTF-8. No byte-order mark stands first."""
    decoder = (
        None if encoding == "utf-8" else codecs.getincrementaldecoder(encoding)(errors="yardstick_keep_bytes")
    )
    pending: list[bytes] = []
    is_first = True
    for piece in pieces:
        if decoder:
            piece = decoder.decode(piece).encode("utf-8", "surrogatepass")
        if is_first and piece:
            piece, is_first = piece.removeprefix(codecs.BOM_UTF8), False
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


class _Table:
    """One delimited text on its way into pages."""

    def __init__(
        self, entity: Entity, name: str, blocks: Iterator[bytes], encoding: str, reading: Reading
    ) -> None:
        options = entity.options
        csv.field_size_limit(MAX_CELL_CHARACTERS)
        self._name = name
        self._options = options
        self._blocks = blocks
        self._reading = reading
        self._lines = _Lines(blocks, "surrogateescape" if encoding == "utf-8" else "surrogatepass")
        self._dialect = {
            "delimiter": options.delimiter,
            "quotechar": options.quote or None,
            "quoting": csv.QUOTE_MINIMAL if options.quote else csv.QUOTE_NONE,
            "strict": True,
        }
        leading, raw = self._leading(depth(options))
        self._number, header = locate(entity, name, leading)
        self._rest = "".join(raw[self._number :]).encode("utf-8", self._lines.errors) + self._lines.rest()
        self._header = header
        self._trailing = len(header.labels) - header.width
        self._footer = Footer(entity, name, header.event)
        self._rows = Rows(header.width, header.event, options.encoding)
        reading.header = header.names

    def _leading(self, count: int) -> tuple[list[list[str]], list[str]]:
        """The first rows, and the text that each was read from."""
        reader = csv.reader(self._lines, **self._dialect)
        first = self._options.header_row or 1  # what stands above a declared header may be anything
        rows: list[list[str]] = []
        raw: list[str] = []
        for number in range(1, count + 1):
            try:
                row = next(reader)
            except StopIteration:
                break
            except csv.Error as error:
                _check_error(self._name, number, error)
                if number >= first and self._options.header_row:
                    raise RefusedError(
                        f"{self._name}: row {number}, the header, cannot be read: {error}."
                    ) from None
                row = []
            if number >= first:
                _check_header_text(self._options.encoding, self._name, number, row)
            rows.append(row)
            raw.append("".join(self._lines.taken))
            self._lines.taken.clear()
        return rows, raw

    def pages(self) -> Iterator[Page]:
        """The rows behind the header: sound blocks at once, others row by row."""
        if self._footer.is_declared:
            yield from self._rows.pages(self._footer.data(self._every_item(), self._reading.notices))
        else:
            while block := self._next_block():
                taken = self._take(block)
                if taken is None:
                    self._lines.open(block)
                    yield from self._rows.pages(self._items())
                    continue
                count = len(taken.rows)
                self._rows.count += count
                numbers = range(self._number + 1, self._number + 1 + count)
                problems = {
                    index: self._rows.misfit(numbers[index], cells) for index, cells in taken.uneven.items()
                }
                yield Page(numbers, None, taken.event_values, problems, packed=taken.rows)
                self._number += count
                if taken.length < len(block):  # a row goes on in the next block
                    rest = block[taken.length :]
                    more = next(self._blocks, b"")
                    self._rest = rest + more if more else rest.removesuffix(b"\n")
        self._check_undecodable()

    def _next_block(self) -> bytes:
        """Whole lines, what was left over first; empty at the end."""
        block, self._rest = self._rest or next(self._blocks, b""), b""
        if block and not block.endswith(b"\n"):  # the file's last line
            block += b"\n"
        return block

    def _every_item(self) -> Iterator[Item]:
        while block := self._next_block():
            self._lines.open(block)
            yield from self._items()

    def _items(self) -> Iterator[Item]:
        """The rows that begin in the block the lines stand in, each read for itself."""
        width, trailing, lines = self._header.width, self._trailing, self._lines
        reader = csv.reader(lines, **self._dialect)
        while not lines.is_spent:
            self._number += 1
            lines.taken.clear()
            try:
                row = next(reader)
            except csv.Error as error:
                _check_error(self._name, self._number, error)
                yield self._number, ["".join(lines.taken).rstrip("\r\n")], (
                    "bad_quoting",
                    f"row {self._number} has text after a closing quotation mark (kept whole in one cell)",
                )  # fmt: skip
                continue
            if not row:
                continue  # a blank line counts as a row of the file and holds none
            if trailing and len(row) == width + trailing and not any(row[width:]):
                del row[width:]  # a trailing separator on every row, as on the header, is a habit
            yield self._number, row, None

    def _take(self, block: bytes) -> Block | None:
        """The rows of a block that is sound as a whole, all at once."""
        options, header = self._options, self._header
        if len(block) > MAX_LINE_BYTES or not (options.delimiter + options.quote).isascii():
            return None
        try:
            block.decode()
        except UnicodeDecodeError:
            return None
        return take_apart(
            block,
            delimiter=ord(options.delimiter),
            quote=ord(options.quote) if options.quote else None,
            width=header.width,
            event=header.event,
            trailing=self._trailing,
        )

    def _check_undecodable(self) -> None:
        bad, every = self._rows.undecodable, self._rows.count
        if len(bad) > max(1, every // 100) or (bad and len(bad) == every):
            raise RefusedError(
                f"{self._name} is not {self._options.encoding}: {len(bad)} of {every} rows cannot be decoded, "
                f"the first is row {bad[0]}. "
                "Correct the encoding in the site file, or deliver it in the declared one."
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
                    self.beyond_ascii += len(text) - len(text.encode("ascii", "ignore"))

    def is_utf8(self) -> bool:
        """The verdict, once everything was seen."""
        try:
            self.decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
        return self.is_valid and self.beyond_ascii >= 8
