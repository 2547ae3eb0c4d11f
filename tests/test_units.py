"""Sizes and durations: what a command prints, it reads back."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repro.errors import UserError
from repro.units import (
    MAX_DURATION_S,
    MAX_SIZE,
    about,
    format_duration,
    format_size,
    parse_duration,
    parse_size,
)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("2GiB", 2 * 1024**3),
        ("64KiB", 65536),
        ("1.5GB", 1_500_000_000),
        ("1000", 1000),
        ("7B", 7),
        (" 2 gib ", 2 * 1024**3),
        ("0.5MiB", 524288),
        ("1.0005KB", 1000),
        ("3TiB", 3 * 1024**4),
        ("3MB", 3_000_000),
        ("3TB", 3 * 10**12),
        ("1", 1),
        (4096, 4096),
        ("9223372036854775807", MAX_SIZE),
    ],
)
def test_sizes_are_read(text, size):
    assert parse_size(text) == size


NO_NUMBER = ["", "GiB", "-1GiB", "+1GiB", "nan", "inf", "1e9", "2 GiB 3", "1,5GB", "1_000", "2.GiB", ".5GiB", "9" * 31]
NO_SIZE = [*NO_NUMBER, "2XiB", "none", "٣GiB", "0", "0GiB", "0.1B", "8388608TiB", "9223372036854775808", 0, -5, True]
NO_DURATION = [*NO_NUMBER, "0", "0s", "-1s", "2mins", "1m30s", "0.9ms", "9000h", 0, -1.0, True, 1e300, 5e-324]


@pytest.mark.parametrize("text", NO_SIZE)
def test_what_is_no_size_is_refused_with_valid_forms(text):
    with pytest.raises(UserError, match="2GiB, 64KiB") as error:
        parse_size(text)
    assert str(error.value).startswith(f"size {text!r} ") and "\n" not in str(error.value)


@pytest.mark.parametrize("letter", ["K", "M", "G", "T", "g"])
def test_a_bare_letter_is_refused_because_it_can_mean_two_things(letter):
    with pytest.raises(UserError, match=rf"write {letter.upper()}iB .* or {letter.upper()}B"):
        parse_size(f"2{letter}")


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (2 * 1024**3, "2GiB"),
        (1536 * 1024**2, "1.5GiB"),
        (65536, "64KiB"),
        (1_500_000_000, "1.5GB"),
        (1000, "1KB"),
        (999, "999B"),
        (1_234_567, "1234567B"),
        (1024**4, "1TiB"),
        (10 * 1024**2, "10MiB"),
        (100_000, "100KB"),
        (1, "1B"),
        (1024, "1KiB"),  # of equally short spellings, the binary one
        (1025, "1025B"),
        (MAX_SIZE, "9223372036854775807B"),
    ],
)
def test_sizes_are_written_short(size, text):
    assert format_size(size) == text


@settings(deadline=None)
@given(st.integers(1, MAX_SIZE) | st.integers(1, 2**20).map(lambda n: n * 4096))
def test_a_written_size_is_read_back_exactly(size):
    assert parse_size(format_size(size)) == size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120s", 120.0),
        ("2m", 120.0),
        ("2min", 120.0),
        ("500ms", 0.5),
        ("10", 10.0),
        ("1.5h", 5400.0),
        (" 2 M ", 120.0),
        (0.25, 0.25),
        (3, 3.0),
        ("1ms", 0.001),
        ("8784h", MAX_DURATION_S),
    ],
)
def test_durations_are_read(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", [*NO_DURATION, float("nan"), float("inf")])
def test_what_is_no_duration_is_refused_with_valid_forms(text):
    with pytest.raises(UserError, match="120s, 2min, 500ms") as error:
        parse_duration(text)
    assert str(error.value).startswith(f"duration {text!r} ")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (120.0, "120s"),
        (1.0, "1s"),
        (1.25, "1.25s"),
        (0.5, "500ms"),
        (0.001, "1ms"),
        (0.1234567, "0.1234567s"),
        (MAX_DURATION_S, "31622400s"),
    ],
)
def test_durations_are_written_in_seconds(seconds, text):
    assert format_duration(seconds) == text


@settings(deadline=None)
@given(st.floats(0.001, MAX_DURATION_S))
def test_a_written_duration_is_read_back_exactly(seconds):
    assert parse_duration(format_duration(seconds)) == seconds


@pytest.mark.parametrize("number", [0, -1, MAX_SIZE + 1])
def test_a_size_that_could_not_be_read_back_is_not_written(number):
    with pytest.raises(ValueError, match="not a size"):
        format_size(number)


@pytest.mark.parametrize("number", [0.0, 0.0009, -1.0, MAX_DURATION_S + 1, float("nan"), float("inf")])
def test_a_duration_that_could_not_be_read_back_is_not_written(number):
    with pytest.raises(ValueError, match="not a duration"):
        format_duration(number)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.00 KiB"),
        (9.9 * 1024, "9.90 KiB"),
        (10 * 1024, "10.0 KiB"),
        (99.9 * 1024, "99.9 KiB"),
        (100 * 1024, "100 KiB"),
        (1023 * 1024**2, "1023 MiB"),
        (2_093_796_557, "1.95 GiB"),
        (-10 * 1024, "-10.0 KiB"),
        (-100 * 1024**4, "-100 TiB"),
    ],
)
def test_sizes_for_reading_have_three_digits(size, text):
    assert about(size) == text
