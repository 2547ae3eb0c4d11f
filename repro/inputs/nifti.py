"""NIfTI-1 files of any apparent size: nibabel makes the header, the body is a hole or given bytes.

The files are plain ``.nii``: a hole cannot be compressed away in a ``.nii.gz``, whose size on disk is its real size.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

OFFSET = 352
"""Bytes before the body: the 348-byte header and four bytes that say "no extensions"."""

MAX_DIM = 32767
"""Largest extent in NIfTI-1, which stores it in a signed 16-bit field."""

ITEMSIZE = {"uint8": 1, "int16": 2, "float32": 4}


def file_size(shape: tuple[int, ...], dtype: str) -> int:
    """Bytes of an uncompressed single-file NIfTI-1 image of this shape and type."""
    return OFFSET + math.prod(shape) * ITEMSIZE[dtype]


@lru_cache(maxsize=4096)
def header(shape: tuple[int, ...], dtype: str, padding: int = 0) -> bytes:
    """The first ``352 + padding`` bytes of a little-endian NIfTI-1 file, by nibabel (mm, seconds, TR 2 s)."""
    import nibabel as nib

    made = nib.Nifti1Header(endianness="<")
    made.set_data_dtype(dtype)
    made.set_data_shape(shape)
    made.set_zooms((1.0, 1.0, 1.0, 2.0)[: len(shape)])
    made.set_xyzt_units("mm", "sec")
    made.set_sform([[-1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]], code=1)
    made["magic"] = b"n+1"
    made["vox_offset"] = OFFSET + padding
    stream = io.BytesIO()
    made.write_to(stream)
    return stream.getvalue().ljust(OFFSET + padding, b"\0")


def write(path: Path, head: bytes, size: int, body: Iterable[bytes] | None = None) -> None:
    """Write a file of exactly ``size`` bytes: ``head``, then the blocks of ``body``, then a hole up to the end."""
    with path.open("wb") as file:
        file.write(head)
        file.writelines(body or ())
        file.truncate(size)


def flat_layout(size: int) -> tuple[tuple[int, int, int], int]:
    """A 3-D uint8 shape and a header padding that make a file of exactly ``size`` bytes (353 or more).

    Extents end at 32767, so a body with a larger prime factor has no shape. Then the body starts 16, 32, … bytes later:
    every offset that is a multiple of 16 is valid NIfTI-1, and a usable one comes within a few steps.
    """
    for padding in range(0, size - OFFSET, 16):
        shape = _shape(size - OFFSET - padding)
        if shape:
            return shape, padding
    raise ValueError(f"no NIfTI-1 file has {size} bytes")


def _shape(count: int) -> tuple[int, int, int] | None:
    """Three extents of at most ``MAX_DIM`` with this product, or ``None``."""
    extents = [1, 1, 1]
    for factor in reversed(_prime_factors(count)):
        extents.sort()
        extents[0] *= factor
    return (extents[0], extents[1], extents[2]) if max(extents) <= MAX_DIM else None


def _prime_factors(count: int) -> list[int]:
    """Ascending prime factors; trial division stops above ``MAX_DIM``, the last one may then be a product."""
    factors: list[int] = []
    divisor = 2
    while divisor * divisor <= count and divisor <= MAX_DIM:
        while count % divisor == 0:
            factors.append(divisor)
            count //= divisor
        divisor += 1
    return [*factors, count] if count > 1 else factors
