"""Cutting the server's answer into columns, whatever pieces it comes in."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lakehouse.source.wire_rows import WireError, WireRows

SEPARATOR = b"\xfe\0\0\2\0"
END_WITHOUT_SEPARATOR = b"\xfe\0\0\2\0\0\0"
MOST = 0xFFFFFF

Row = tuple[bytes | None, ...]


def length_encoded(value: bytes | None) -> bytes:
    if value is None:
        return b"\xfb"
    size = len(value)
    if size < 251:
        return bytes([size]) + value
    if size < 2**16:
        return b"\xfc" + size.to_bytes(2, "little") + value
    if size < 2**24:
        return b"\xfd" + size.to_bytes(3, "little") + value
    return b"\xfe" + size.to_bytes(8, "little") + value


def packets(contents: Iterable[bytes]) -> bytes:
    """The contents as they go over the wire: one of 16 MB or more goes in several packets, the last one shorter."""
    sent, numbers = bytearray(), itertools.count()
    for content in contents:
        for start in range(0, len(content) + 1, MOST):
            part = content[start : start + MOST]
            sent += len(part).to_bytes(3, "little") + bytes([next(numbers) % 256]) + part
    return bytes(sent)


def answer(width: int, rows: Iterable[Row], separated: bool = True, count: bytes | None = None) -> bytes:
    head = [count or bytes([width]), *([b"\3def description"] * width), *([SEPARATOR] if separated else [])]
    body = [b"".join(length_encoded(value) for value in row) for row in rows]
    return packets([*head, *body, SEPARATOR if separated else END_WITHOUT_SEPARATOR])


def receiving(sent: bytes, pieces: Iterable[int]) -> Callable[[memoryview], int]:
    place, sizes = 0, itertools.cycle(pieces)

    def receive(space: memoryview) -> int:
        nonlocal place
        part = sent[place : place + min(next(sizes), len(space))]
        space[: len(part)] = part
        place += len(part)
        return len(part)

    return receive


def read(sent: bytes, pieces: Iterable[int] = (2**20,), bytes_per_column: int = 4096) -> list[Row]:
    chunks = list(WireRows(receiving(sent, pieces), bytes_per_column))
    return [row for chunk in chunks for row in zip(*(column.to_pylist() for column in chunk), strict=True)]


values = st.none() | st.binary(max_size=6) | st.sampled_from([0, 249, 250, 251, 252, 300]).map(bytes)
tables = st.integers(1, 5).flatmap(
    lambda width: st.tuples(st.just(width), st.lists(st.tuples(*[values] * width), max_size=40))
)


@given(
    table=tables,
    pieces=st.lists(st.integers(1, 5000), min_size=1, max_size=5),
    bytes_per_column=st.sampled_from([16, 100, 4096, 2**18]),
    separated=st.booleans(),
)
def test_rows_come_out_as_they_were_sent(
    table: tuple[int, list[Row]], pieces: list[int], bytes_per_column: int, separated: bool
) -> None:
    width, rows = table
    assert read(answer(width, rows, separated), pieces, bytes_per_column) == rows


@pytest.mark.parametrize("piece", [999, 4096, 65536])
@pytest.mark.parametrize("bytes_per_column", [16, 4096, 2**18])
def test_values_whose_length_takes_more_bytes_come_out_as_they_were_sent(piece: int, bytes_per_column: int) -> None:
    rows = [(b"a", bytes(size), None) for size in (65535, 65536, 65535, 300)]
    assert read(answer(3, rows), [piece, 7], bytes_per_column) == rows


def test_of_a_wide_answer_no_more_than_a_megabyte_and_a_half_is_held() -> None:
    rows: list[Row] = [(b"x" * 200,) * 100] * 1000
    chunks = list(WireRows(receiving(answer(100, rows), [2**20])))
    assert sum(len(chunk[0]) for chunk in chunks) == 1000
    assert len(chunks) > 1
    assert max(sum(column.nbytes for column in chunk) for chunk in chunks) < 3 * 2**19 * 1.05


def test_a_row_of_several_packets_is_put_together() -> None:
    rows: list[Row] = [(b"a", None), (b"x" * MOST, b"y" * 300), (b"b" * (2 * MOST + 5), None), (None, b"z" * 70_000)]
    assert read(answer(2, rows)) == rows


def test_a_row_of_just_the_largest_packet_is_followed_by_an_empty_one() -> None:
    rows: list[Row] = [(b"x" * (MOST - 9 - 8), b"1234567"), (b"a", b"b")]
    assert len(length_encoded(rows[0][0])) + 8 == MOST - 5
    filled: list[Row] = [(b"x" * (MOST - 4 - 8), b"1234567"), (b"a", b"b")]
    assert len(length_encoded(filled[0][0])) + 8 == MOST
    assert read(answer(2, rows)) == rows
    assert read(answer(2, filled)) == filled


def test_more_columns_than_one_byte_counts() -> None:
    row: Row = tuple(str(number).encode() for number in range(300))
    assert read(answer(300, [row, row], count=b"\xfc\x2c\x01")) == [row, row]


def test_the_buffer_shrinks_again_after_a_long_row() -> None:
    rows: list[Row] = [(b"a",), (b"x" * 1_000_000,), *[(b"b" * 100,)] * 1000]
    chunks = list(WireRows(receiving(answer(1, rows), (2**20,)), 4096))
    assert [len(chunk[0]) for chunk in chunks[:2]] == [1, 1]
    assert max(len(chunk[0]) for chunk in chunks) <= 40


REFUSAL = b"\xff\x76\x04#42000SELECT command denied"


@pytest.mark.parametrize("rows", [0, 1, 500])
def test_an_error_before_or_between_rows_is_raised(rows: int) -> None:
    whole = answer(1, [(b"value",)] * rows)
    sent = packets([REFUSAL]) if rows == 0 else whole[: -len(packets([SEPARATOR]))] + packets([REFUSAL])
    with pytest.raises(WireError, match="SELECT command denied") as caught:
        read(sent)
    assert caught.value.code == 1142


def test_an_answer_that_stops_in_the_middle_is_an_error() -> None:
    whole = answer(2, [(b"value", None)] * 300)
    for end in (0, 3, 40, len(whole) // 2, len(whole) - 1):
        with pytest.raises(WireError, match="Lost connection") as caught:
            read(whole[:end])
        assert caught.value.code == 2013


@pytest.mark.parametrize("content", [b"\0\0\0\2\0\0\0", b"\xfbfile"])
def test_an_answer_without_rows_is_refused(content: bytes) -> None:
    with pytest.raises(WireError, match="holds no rows"):
        read(packets([content]))
