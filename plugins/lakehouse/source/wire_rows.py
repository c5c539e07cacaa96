"""Turning the server's answer to a query, as it comes over the wire, into columns of raw values.

The driver makes a Python object of every value, which costs as much as all the rest of a copy together. Here the bytes
of some thousand rows are cut at once: the place of a value follows from the length of the one before it, so a column is
found for all rows with a few operations on arrays. Nothing is interpreted; type_map.py knows what the bytes mean.

The format is that of a text result set in MySQL's client/server protocol: packets of up to 16 MB, each with a header of
three bytes of length and one of sequence; a value is its length (1, 3, 4 or 9 bytes) and its bytes, or 0xFB for NULL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from struct import Struct

import numpy as np
import pyarrow as pa

Columns = list[pa.Array]
Receive = Callable[[memoryview], int]

# A chunk should be worth an operation on every column. Twice as much gains nothing more, and some of them are held.
BYTES_PER_COLUMN = 160 * 1024
_MOST_BYTES = 3 * 2**19
_HEADER = Struct("<I")
_HEADER_BYTES = 4
_MOST_PACKET = 0xFFFFFF
_NULL, _TWO_BYTES, _THREE_BYTES, _EIGHT_BYTES = 0xFB, 0xFC, 0xFD, 0xFE
_END, _ERROR = 0xFE, 0xFF
_SEPARATOR_BYTES = 5


class WireError(Exception):
    """The answer was cut off, or is an error of the server's; `code` is MySQL's number for it."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message


class WireRows:
    """The rows of one answer; an iterator of chunks, each a list of binary Arrow arrays, one per column.

    Args:
        receive: puts bytes from the server into the buffer it is given and returns how many; 0 at the end of the
            connection.
        bytes_per_column: how much of the answer is held and cut at a time, for each of its columns, up to 1.5 MB
            together; one longer row is held as a whole.

    Raises:
        WireError: while iterating, when the server refuses or the connection ends.
    """

    def __init__(self, receive: Receive, bytes_per_column: int = BYTES_PER_COLUMN) -> None:
        self._receive = receive
        self._bytes_per_column = bytes_per_column
        self._chunk_bytes = bytes_per_column
        self._data = bytearray(bytes_per_column)
        self._start = 0
        self._end = 0

    def __iter__(self) -> Iterator[Columns]:
        width = self._read_header()
        self._chunk_bytes = min(self._bytes_per_column * width, _MOST_BYTES)
        while True:
            starts, ended, long_row = self._gather()
            if starts:
                yield _cut(self._data, np.array(starts, np.intp) + _HEADER_BYTES, width)
            if ended:
                return
            if long_row:
                yield _cut_one(self._packet(), width)

    def _read_header(self) -> int:
        """Read up to the first row; the number of columns."""
        first = self._packet()
        if first[0] == _ERROR:
            raise _server_error(first)
        width = first[0] if first[0] < _NULL else int.from_bytes(first[1:3], "little")
        if first[0] in {0, _NULL} or first[0] > _TWO_BYTES:
            raise WireError(2027, "the server's answer holds no rows")
        for _ in range(width):
            self._packet()
        # Servers end the columns' descriptions with a packet of five bytes, unless the driver asked them not to.
        self._fill(_HEADER_BYTES + 1)
        if self._data[self._start + _HEADER_BYTES] == _END and self._size(self._start) == _SEPARATOR_BYTES:
            self._packet()
        return width

    def _gather(self) -> tuple[list[int], bool, bool]:
        """Find the starts of whole rows in the buffer, receiving until it is nearly full or the answer ends.

        Returns:
            The places of the rows' packets, whether the answer ended, and whether the next row is too long for one
            packet.
        """
        self._compact()
        position, starts = self._start, list[int]()
        unpack = _HEADER.unpack_from
        while True:
            data, last = self._data, self._end - _HEADER_BYTES
            while position < last:
                following = position + _HEADER_BYTES + (unpack(data, position)[0] & _MOST_PACKET)
                if following > self._end:
                    break
                starts.append(position)
                position = following
            self._start = position
            # Nothing follows the packet that ends the answer, so only the last one can be it.
            if starts and data[starts[-1] + _HEADER_BYTES] >= _END:
                closing = starts.pop()
                if data[closing + _HEADER_BYTES] == _ERROR:
                    raise _server_error(bytes(data[closing + _HEADER_BYTES : position]))
                return starts, True, False
            if self._end - position >= _HEADER_BYTES and self._size(position) == _MOST_PACKET:
                return starts, False, True
            if starts and len(data) - self._end < self._chunk_bytes // 4:
                return starts, False, False
            if len(data) == self._end:
                self._fill(_HEADER_BYTES + self._size(position))
                position = self._start
            else:
                self._receive_some()

    def _packet(self) -> bytes:
        """The next packet's content, put together where it was too long for one."""
        parts = []
        while True:
            self._fill(_HEADER_BYTES)
            size = self._size(self._start)
            self._fill(_HEADER_BYTES + size)
            begin = self._start + _HEADER_BYTES
            parts.append(bytes(self._data[begin : begin + size]))
            self._start = begin + size
            if size < _MOST_PACKET:
                return b"".join(parts)

    def _size(self, position: int) -> int:
        return int(_HEADER.unpack_from(self._data, position)[0]) & _MOST_PACKET

    def _fill(self, wanted: int) -> None:
        """Have at least so many bytes from `_start` on."""
        if self._end - self._start >= wanted:
            return
        self._compact()
        if len(self._data) < wanted:
            larger = bytearray(wanted)
            larger[: self._end] = self._data[: self._end]
            self._data = larger
        while self._end < wanted:
            self._receive_some()

    def _compact(self) -> None:
        rest = self._end - self._start
        if rest <= self._chunk_bytes != len(self._data):
            kept = bytearray(self._chunk_bytes)
            kept[:rest] = self._data[self._start : self._end]
            self._data = kept
        else:
            self._data[:rest] = self._data[self._start : self._end]
        self._start, self._end = 0, rest

    def _receive_some(self) -> None:
        got = self._receive(memoryview(self._data)[self._end :])
        if not got:
            raise WireError(2013, "Lost connection to server during query")
        self._end += got


def _cut(data: bytearray, positions: np.ndarray, width: int) -> Columns:
    """Cut rows that begin at the given places into columns."""
    view = np.frombuffer(data, np.uint8)
    rows = len(positions)
    edges = np.empty((rows, 2 * width), np.int32)
    nulls: list[np.ndarray | None] = []
    for column in range(width):
        lengths = view[positions].astype(np.intp)
        positions += 1
        is_null = lengths == _NULL
        nulls.append(is_null if is_null.any() else None)
        if (lengths >= _NULL).any():
            lengths[is_null] = 0
            for mark, size in ((_TWO_BYTES, 2), (_THREE_BYTES, 3)):
                long = np.flatnonzero(lengths == mark)
                at = positions[long]
                lengths[long] = sum(view[at + byte].astype(np.intp) << (8 * byte) for byte in range(size))
                positions[long] += size
        edges[:, 2 * column] = positions
        positions += lengths
        edges[:, 2 * column + 1] = positions
    return _take_columns(data, edges, nulls)


def _take_columns(data: bytearray, edges: np.ndarray, nulls: list[np.ndarray | None]) -> Columns:
    """Copy every column's values together, from the places where they begin and end in the data."""
    rows, width = edges.shape[0], edges.shape[1] // 2
    # One array of all values and of what is between them, in the order of the data: its even items are the values.
    offsets = np.append(edges.ravel(), edges[-1, -1:])
    everything = _binary(offsets.size - 1, None, offsets, data)
    places = np.arange(rows, dtype=np.int32) * np.int32(2 * width)
    columns = []
    for column in range(width):
        # Made of its buffer: Arrow imports pandas to look at an array of numpy's.
        chosen = pa.Array.from_buffers(pa.int32(), rows, [None, pa.py_buffer(places + np.int32(2 * column))])
        values = everything.take(chosen)
        is_null = nulls[column]
        if is_null is not None:
            _, value_offsets, value_data = values.buffers()
            values = _binary(rows, np.packbits(~is_null, bitorder="little"), value_offsets, value_data)
        columns.append(values)
    return columns


def _binary(length: int, validity: np.ndarray | None, offsets: object, data: object) -> pa.Array:
    buffers = [None if part is None else pa.py_buffer(part) for part in (validity, offsets, data)]
    return pa.Array.from_buffers(pa.binary(), length, buffers)


def _cut_one(content: bytes, width: int) -> Columns:
    """Cut one row of any length into columns of one value."""
    columns, position = [], 0
    for _ in range(width):
        length, position = content[position], position + 1
        if length == _NULL:
            columns.append(pa.array([None], pa.binary()))
            continue
        size = {_TWO_BYTES: 2, _THREE_BYTES: 3, _EIGHT_BYTES: 8}.get(length, 0)
        if size:
            length, position = int.from_bytes(content[position : position + size], "little"), position + size
        columns.append(pa.array([content[position : position + length]], pa.binary()))
        position += length
    return columns


def _server_error(packet: bytes) -> WireError:
    # The mark, two bytes of code, and the state of SQL with a # before it.
    text = packet[9:] if packet[3:4] == b"#" else packet[3:]
    return WireError(int.from_bytes(packet[1:3], "little"), text.decode("utf-8", "replace"))
