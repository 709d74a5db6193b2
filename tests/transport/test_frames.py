import pytest
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from onsale.graphql.frames import text_frame


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
