"""Windows: when words arrive and are used, and how much memory that takes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwmap.errors import SimulationError
from hwmap.streaming.layout import Layout, from_words, to_words
from hwmap.streaming.schedule import pace
from hwmap.streaming.values import check_row_memory
from hwmap.streaming.window import Window


@st.composite
def windows(draw: st.DrawFn) -> Window:
    channels, lanes = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    kernel = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    strides = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    dilations = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    pads = draw(st.integers(0, kernel[0] - 1)), draw(st.integers(0, kernel[1] - 1))
    spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    rows, columns = (draw(st.integers(span, span + 6)) for span in spans)
    out = [
        (size + pad - span) // stride + 1
        for size, pad, span, stride in zip((rows, columns), pads, spans, strides, strict=True)
    ]
    pixels, taps = draw(st.sampled_from((1, 2, 4))), draw(st.sampled_from((1, kernel[1])))
    span = (pixels - 1) * strides[1] + (taps - 1) * dilations[1] + 1
    step = strides[1] * pixels
    banks = 1 if span == 1 else -(-span // step) * step
    source = Layout((channels, rows, columns), min(lanes, channels), banks)
    passes = draw(st.integers(1, 3))
    return Window(
        source, out[0], out[1], kernel, strides, dilations, *pads, pixels, taps, passes, passes,
        source.pixel_words,
    )  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(windows())
def test_uses_are_those_of_the_loops(window: Window):
    first = np.full(window.source.words, -1)
    last = first.copy()
    trip = 0
    for y in range(window.rows_out):
        for x in range(window.across):
            for _ in range(window.passes):
                for row in range(window.kernel[0]):
                    for column in range(window.tap_columns):
                        for word in range(window.group_words):
                            for at in _reads(window, y, x, row, column, word):
                                first[at] = trip if first[at] < 0 else first[at]
                                last[at] = trip
                            trip += 1

    assert trip == window.computing
    assert np.array_equal(window.uses.first, first)
    assert np.array_equal(window.uses.last, last)


def _reads(window: Window, y: int, x: int, row: int, column: int, word: int) -> set[int]:
    """The words that a trip reads."""
    layout = window.source
    found = set()
    at = y * window.strides[0] - window.pad_rows + row * window.dilations[0]
    for pixel in range(window.pixels):
        for tap in range(window.taps):
            there = (x * window.pixels + pixel) * window.strides[1] - window.pad_columns
            there += (column * window.taps + tap) * window.dilations[1]
            if 0 <= at < layout.shape[1] and 0 <= there < layout.shape[2]:
                group = there // layout.pixels
                found.add(at * layout.row_words + group * layout.pixel_words + word)
    return found


@settings(max_examples=200, deadline=None)
@given(windows())
def test_a_row_memory_holds_what_a_window_wants(window: Window):
    check_row_memory(window, "window")


def test_a_row_memory_that_is_too_small_is_found_out():
    window = Window(Layout((2, 6, 6), 1), 6, 6, (3, 3), (1, 1), (1, 1), 1, 1, 1, 1, 2, 2, 2)
    small = Window(**{name: getattr(window, name) for name in window.__dataclass_fields__})
    small.__dict__["memory_words"] = 2 * window.source.row_words

    with pytest.raises(SimulationError, match=r"holds word \d+ where word \d+ is wanted"):
        check_row_memory(small, "window")


@given(st.integers(1, 40), st.integers(0, 60))
def test_a_pace_is_even_and_ends_with_the_last_trip(events: int, more: int):
    trips = events + more

    found = pace(events, trips)

    assert found[-1] == trips - 1
    assert len(set(found.tolist())) == events
    gaps = np.diff(found)
    assert not len(gaps) or gaps.max() - gaps.min() <= 1


@given(
    st.integers(1, 5), st.integers(1, 4), st.integers(1, 6), st.integers(1, 5), st.integers(1, 4)
)
def test_words_hold_a_tensor(channels: int, height: int, width: int, lanes: int, pixels: int):
    layout = Layout((channels, height, width), lanes, pixels)
    values = np.arange(2 * channels * height * width).reshape(2, channels, height, width)

    words = to_words(values, layout)

    assert words.shape == (2 * layout.words, layout.word_bytes)
    assert np.array_equal(from_words(words, layout), values)
