"""A diff falls into the files that it changes, whoever made it."""

from __future__ import annotations

import os
import time
import timeit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from repro.targets.diff import Section, sections

HUNK = b"@@ -1 +1 @@\n-a\n+b\n"
PARTS = [
    b"diff --git a/x b/x\n",
    b"index 1..2 100644\n",
    b"new file mode 120000\n",
    b"rename from x\n",
    b"rename to y\n",
    b"--- a/x\n",
    b"+++ b/x\n",
    b"--- /dev/null\n",
    b"+++ /dev/null\r\n",
    b"@@ -1,3 +1,9999999 @@\n",
    b"@@ -1 +1 @@\n",
    b" same\n",
    b"-gone\n",
    b"+come\n",
    b"\\ No newline at end of file\n",
    b"GIT binary patch\n",
    b'"a/\\303\\999"',
    b"\xff\x00\r",
    b"\n",
]


def named(diff: bytes) -> list[tuple[str | None, str | None]]:
    return [(one.old, one.new) for one in sections(diff)]


@pytest.mark.parametrize(
    ("diff", "names"),
    [
        (b"diff --git a/x b/x\nindex 1..2 100644\n--- a/x\n+++ b/x\n" + HUNK, ("a/x", "b/x")),
        (b"diff --git a/x b/x\nnew file mode 100644\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+b\n", (None, "b/x")),
        (b"diff --git a/x b/x\nnew file mode 100644\nindex 0000000..e69de29\n", (None, "b/x")),
        (b"diff --git a/x b/x\ndeleted file mode 100644\nindex e69de29..0000000\n", ("a/x", None)),
        (b"diff --git a/x b/x\ndeleted file mode 100644\n--- a/x\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n", ("a/x", None)),
        (b"diff --git a/x b/x\nold mode 100644\nnew mode 100755\n", ("a/x", "b/x")),
        (b"diff --git a/x y b/x y\nold mode 100644\nnew mode 100755\n", ("a/x y", "b/x y")),
        (b"diff --git a/x b/d/y\nsimilarity index 100%\nrename from x\nrename to d/y\n", ("a/x", "b/d/y")),
        (b"diff --git x d/y\nsimilarity index 100%\nrename from x\nrename to d/y\n", ("x", "d/y")),
        (b"diff --git a/x b/y\nsimilarity index 100%\ncopy from x\ncopy to y\n", ("a/x", "b/y")),
        (b"diff --git a/x b/y\nrename from x\nrename to y\n--- a/x\n+++ b/y\n" + HUNK, ("a/x", "b/y")),
        (b"diff --git a/x b/x\nindex 1..2\nGIT binary patch\nliteral 3\nKcmZ\n\n", ("a/x", "b/x")),
        (b'diff --git "a/\\303\\251\\t\\"" "b/\\303\\251\\t\\""\nold mode 1\nnew mode 2\n', ('a/é\t"', 'b/é\t"')),
        (b"--- a/x\t2026-01-01\n+++ b/x\t2026-01-02\n" + HUNK, ("b/x", "b/x")),
        (b"--- x.orig\n+++ x\n" + HUNK, ("x", "x")),
        (b"--- x\n+++ x.new\n" + HUNK, ("x", "x")),
        (b"--- a/x\r\n+++ b/x\r\n" + HUNK, ("b/x", "b/x")),
        (b"--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+b\n", (None, "b/x")),
    ],
)
def test_old_and_new_name_are_those_that_git_reads(diff: bytes, names: tuple[str | None, str | None]) -> None:
    assert named(diff) == [names]


def test_a_name_in_no_encoding_is_the_one_that_the_file_system_has() -> None:
    assert named(b"--- b/\xff\n+++ b/\xff\n" + HUNK) == [(os.fsdecode(b"b/\xff"),) * 2]


@pytest.mark.parametrize(
    "header",
    [
        b"new file mode 120000\n",
        b"deleted file mode 120000\n",
        b"old mode 100644\nnew mode 120000\n",
        b"old mode 160000\nnew mode 100644\n",
        b"index 1..2 120000\n",
        b"index 1..2 160000\r\n",
    ],
)
def test_links_and_submodules_are_marked(header: bytes) -> None:
    (one,) = sections(b"diff --git a/x b/x\n" + header)
    assert one.special


def test_a_file_that_is_only_called_like_the_mode_of_a_link_is_none() -> None:
    (one,) = sections(b"diff --git a/x b/120000\nsimilarity index 100%\nrename from x\nrename to 120000\n")
    assert not one.special


def test_each_file_has_its_own_part_and_nothing_is_lost() -> None:
    first = b"diff --git a/x b/x\n--- a/x\n+++ b/x\n" + HUNK
    second = b"--- a/y\n+++ b/y\n" + HUNK + HUNK
    third = b"diff --git a/z b/z\nold mode 100644\nnew mode 100755\n"
    assert [one.text for one in sections(b"Subject: a mail\n\n" + first + second + third)] == [first, second, third]


def test_what_stands_between_two_mailed_patches_starts_no_file() -> None:
    patch = b"diff --git a/x b/x\n--- a/x\n+++ b/x\n" + HUNK + b"-- \n2.39.5\n\nFrom 0000\n--- this\n+++ that\nor so\n"
    assert named(patch + patch) == [("a/x", "b/x")] * 2


def test_a_header_of_git_ends_with_the_first_line_that_is_none_of_it() -> None:
    assert named(b"diff --git a/x b/x\nold mode 1\nnew mode 2\nsome words\n--- y\n+++ y\n" + HUNK) == [
        ("a/x", "b/x"),
        ("y", "y"),
    ]


@pytest.mark.parametrize(
    "lines",
    [
        b"--- x\n+++ y\n@@ -1 +1 @@ in a text\n",
        b"-\n--- x\n+++ y\n",
        b" \n\n\\ No newline at end of file\n--- x\n+++ y\n",
        b"\r\n--- x\n+++ y\n",
    ],
)
@pytest.mark.parametrize("head", [b"", b"diff --git a/a.sql b/a.sql\n"])
def test_changed_lines_that_look_like_a_header_start_no_new_file(head: bytes, lines: bytes) -> None:
    old = sum(not line.startswith((b"+", b"\\", b"@")) for line in lines.splitlines())
    new = sum(not line.startswith((b"-", b"\\", b"@")) for line in lines.splitlines())
    diff = head + b"--- a/a.sql\n+++ b/a.sql\n" + b"@@ -1,%d +1,%d @@\n" % (old, new) + lines
    assert [one.text for one in sections(diff)] == [diff]


def test_a_hunk_that_promises_more_than_there_is_ends_where_the_next_file_begins() -> None:
    assert named(b"--- x\n+++ x\n@@ -1,9 +1,9 @@\n-a\n+b\ndiff --git a/y b/y\nold mode 1\n") == [
        ("x", "x"),
        ("a/y", "b/y"),
    ]


def test_a_hunk_ends_with_the_first_line_that_can_be_none_of_it() -> None:
    plain = b"--- x\n+++ x\n@@ -1,3 +1,3 @@\n"
    assert named(plain + b"X\n" + plain) == [("x", "x")] * 2


def test_a_hunk_ends_when_both_sides_are_complete() -> None:
    plain = b"--- x\n+++ x\n"
    for hunk in (b"@@ -1,2 +0,0 @@\n-a\n-b\n", b"@@ -0,0 +1,2 @@\n+a\n+b\n", b"@@ -3,2 +3,2 @@ def f():\n a\n-b\n+c\n"):
        assert named(plain + hunk + plain + hunk) == [("x", "x")] * 2


def test_names_without_a_hunk_are_no_change() -> None:
    assert sections(b"--- x\n+++ x\n") == sections(b"--- x\n+++ x\nsome words\n") == ()
    assert sections(b"--- /dev/null\n+++ /dev/null\n" + HUNK) == ()


@given(st.lists(st.sampled_from(PARTS) | st.binary(max_size=12), max_size=40).map(b"".join))
@example(b"diff --git ")
@example(b'--- "\n+++ "\\\n@@ -1 +1 @@')
def test_whatever_bytes_come_the_parts_are_pieces_of_them_in_order(diff: bytes) -> None:
    found = sections(diff)
    at = 0
    for one in found:
        assert isinstance(one, Section) and one.paths
        at = diff.index(one.text, at) + len(one.text)


@pytest.mark.parametrize("part", PARTS)
def test_the_time_grows_with_the_length_only(part: bytes) -> None:
    def seconds(count: int, times: int) -> float:
        given = part * count
        return min(timeit.repeat(lambda: sections(given), time.process_time, number=times, repeat=3))

    assert seconds(50_000, 1) < 8 * seconds(1_000, 50) + 0.05, "as many lines; squares would take 50 times as long"
