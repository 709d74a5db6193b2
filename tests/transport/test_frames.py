import os

import pytest
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from onsale.graphql.frames import is_pong, text_frame, usual_text

WHOLE = Frame(Opcode.TEXT, b"abcde").serialize(mask=True)


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536, 70_000])
def test_a_frame_reads_as_one_text_of_any_size(size: int) -> None:
    reader = StreamReader()
    reader.feed_data(text_frame(b"x" * size))

    parsing = Frame.parse(reader.read_exact, mask=False)
    with pytest.raises(StopIteration) as done:
        next(parsing)

    frame = done.value.value
    assert (frame.opcode, frame.fin, frame.data) == (Opcode.TEXT, True, b"x" * size)
    assert not any(reader.buffer), "and nothing is left"


def test_a_frame_is_what_websockets_would_have_sent() -> None:
    for size in (3, 126, 70_000):
        text = b"x" * size
        assert text_frame(text) == Frame(Opcode.TEXT, text).serialize(mask=False)


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 5, 125, 126, 127, 1_000, 65_535])
def test_a_usual_text_is_read_as_websockets_reads_it(size: int) -> None:
    for _ in range(20):  # Each with another mask.
        text = os.urandom(size)
        assert usual_text(Frame(Opcode.TEXT, text).serialize(mask=True)) == text


#: By name, for each has another mask in every process that collects tests.
UNUSUAL = {
    "nothing": b"",
    "a byte": WHOLE[:1],
    "not all of it": WHOLE[:-1],
    "more than it": WHOLE + b"x",
    "two": WHOLE * 2,
    "not masked": Frame(Opcode.TEXT, b"abcde").serialize(mask=False),
    "a fragment": Frame(Opcode.TEXT, b"abcde", fin=False).serialize(mask=True),
    "a reserved bit": bytes((WHOLE[0] | 0x40,)) + WHOLE[1:],
    "a continuation": Frame(Opcode.CONT, b"abcde").serialize(mask=True),
    "bytes": Frame(Opcode.BINARY, b"abcde").serialize(mask=True),
    "a ping": Frame(Opcode.PING, b"abcde").serialize(mask=True),
    "a long one": Frame(Opcode.TEXT, b"x" * 65_536).serialize(mask=True),
    "a longer one's head": Frame(Opcode.TEXT, b"x" * 126).serialize(mask=True)[:7],
}


@pytest.mark.parametrize("what", UNUSUAL)
def test_whatever_else_comes_is_left_to_websockets(what: str) -> None:
    assert usual_text(UNUSUAL[what]) is None


@pytest.mark.parametrize("size", [0, 4, 125])
def test_a_pong_is_told_from_all_else(size: int) -> None:
    data = os.urandom(size)
    pong = Frame(Opcode.PONG, data).serialize(mask=True)

    assert is_pong(pong)
    assert not is_pong(pong[:-1])
    assert not is_pong(pong + b"x")
    assert not is_pong(Frame(Opcode.PONG, data).serialize(mask=False))
    assert not is_pong(Frame(Opcode.PING, data).serialize(mask=True))
