"""Reads and writes sizes and durations the way the command line spells them."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction

from repro.errors import UserError

# Own code, because no kept library does just this: humanfriendly and bitmath read "2GB" as they are told to, format
# with rounding, and bring more than these two tables; a size that a command prints must parse back to the same bytes.
_BINARY = {"TiB": 1 << 40, "GiB": 1 << 30, "MiB": 1 << 20, "KiB": 1 << 10}
_DECIMAL = {"TB": 10**12, "GB": 10**9, "MB": 10**6, "KB": 10**3}
_SIZES = {name.lower(): factor for name, factor in (_BINARY | _DECIMAL | {"B": 1, "": 1}).items()}
_SECONDS = {
    "ms": Fraction(1, 1000),
    **dict.fromkeys(("", "s"), Fraction(1)),
    **dict.fromkeys(("m", "min"), Fraction(60)),
    "h": Fraction(3600),
}
_QUANTITY = re.compile(r"([0-9]{1,30}(?:\.[0-9]{1,30})?)\s*([A-Za-z]*)")

MAX_SIZE = 2**63 - 1
MAX_DURATION_S = 366 * 86400.0
_MIN_DURATION = Fraction(1, 1000)

_SIZE_FORMS = "write it like 2GiB, 64KiB, 1.5GB or 1000 (bytes)"
_DURATION_FORMS = "write it like 120s, 2min, 500ms, 1h or 10 (seconds)"


def parse_size(text: str | int) -> int:
    """Bytes in ``"2GiB"``, ``"64KiB"``, ``"1.5GB"`` or ``"1000"``; an ``int`` is bytes already.

    A fraction of a byte is dropped. Raises UserError for anything else, for less than one byte and for 8 EiB or more.
    """
    number, unit = _split(text, f"size {text!r}", _SIZE_FORMS)
    if unit in {"k", "m", "g", "t"}:
        letter = unit.upper()
        raise UserError(f"size {text!r} can mean two things: write {letter}iB (powers of 1024) or {letter}B (of 1000)")
    if unit not in _SIZES:
        raise UserError(f"size {text!r} has no known unit: {_SIZE_FORMS}")
    size = int(number * _SIZES[unit])
    if not 1 <= size <= MAX_SIZE:
        raise UserError(f"size {text!r} is not between 1 byte and 8 EiB: {_SIZE_FORMS}")
    return size


def parse_duration(text: str | float) -> float:
    """Seconds in ``"120s"``, ``"2m"``, ``"500ms"``, ``"1h"`` or ``"10"``; a number is seconds already.

    Raises UserError for anything else, for less than a millisecond and for more than a year.
    """
    number, unit = _split(text, f"duration {text!r}", _DURATION_FORMS)
    if unit not in _SECONDS:
        raise UserError(f"duration {text!r} has no known unit: {_DURATION_FORMS}")
    seconds = number * _SECONDS[unit]
    if not _MIN_DURATION <= seconds <= MAX_DURATION_S:
        raise UserError(f"duration {text!r} is not between 1 ms and 366 days: {_DURATION_FORMS}")
    return float(seconds)


def format_size(size: int) -> str:
    """The shortest spelling that ``parse_size`` reads back as exactly ``size`` bytes."""
    if not 1 <= size <= MAX_SIZE:
        raise ValueError(f"not a size in bytes: {size}")
    spellings = [f"{size}B"]
    for name, factor in (_BINARY | _DECIMAL).items():
        thousandths, rest = divmod(size * 1000, factor)
        if rest == 0 and thousandths >= 1000:
            spellings.append(f"{_plain(Decimal(thousandths) / 1000)}{name}")
    return min(spellings, key=lambda spelling: (len(spelling), "i" not in spelling))


def format_duration(seconds: float) -> str:
    """The spelling in seconds (milliseconds below one second) that ``parse_duration`` reads back exactly."""
    if not float(_MIN_DURATION) <= seconds <= MAX_DURATION_S:
        raise ValueError(f"not a duration in seconds: {seconds}")
    exact = Decimal(repr(float(seconds)))
    thousandths = exact * 1000
    if exact < 1 and thousandths == thousandths.to_integral_value():
        return f"{_plain(thousandths)}ms"
    return f"{_plain(exact)}s"


def about(size: float) -> str:
    """A size for reading, rounded to three digits: ``"1.95 GiB"``. It does not parse back exactly."""
    for name, factor in _BINARY.items():
        if abs(size) >= factor:
            value = size / factor
            digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
            return f"{value:.{digits}f} {name}"
    return f"{size:.0f} B"


def _split(value: str | float, what: str, forms: str) -> tuple[Fraction, str]:
    if isinstance(value, bool):
        raise UserError(f"{what} is not a number: {forms}")
    # repr of a float may have an exponent; NaN and infinities fail the pattern like any other word
    text = value.strip() if isinstance(value, str) else f"{Decimal(repr(value)):f}"
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise UserError(f"{what} is not a positive number with a unit: {forms}")
    return Fraction(match[1]), match[2].lower()


def _plain(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
