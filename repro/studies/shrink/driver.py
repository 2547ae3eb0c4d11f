"""Proposes smaller scripts with Shrink Ray and asks the kit about each; runs in the environment that holds Shrink Ray.

Run as ``python driver.py SOCKET SCRIPT PARALLELISM``. A candidate goes to the socket as it is, and a byte comes
back: ``1`` if it still fails in the same way. Ends with status 0 when no pass finds anything smaller.

Shrink Ray's own command gives a pass up after five seconds without success, which is two runs of a script that imports
datasets; and it goes on to bytes, until names and numbers mean nothing to a reader. So the passes are chosen here.
"""

import random
import sys
from pathlib import Path
from typing import Any

import trio
from passes import delete_names, delete_statements, functions, inlined, merge_names
from shrinkray.passes.bytes import Tokenize, lift_braces
from shrinkray.passes.definitions import compose
from shrinkray.passes.genericlanguages import (
    combine_expressions,
    cut_comment_like_things,
    merge_adjacent_strings,
    reduce_integer_literals,
)
from shrinkray.passes.python import PYTHON_PASSES, replace_bodies_with_ellipsis
from shrinkray.passes.sequences import block_deletion
from shrinkray.problem import BasicReductionProblem, sort_key_for_initial
from shrinkray.reducer import ShrinkRay
from shrinkray.work import Volume, WorkContext

SOCKET, SCRIPT, PARALLELISM = sys.argv[1:4]
FIRST = [cut_comment_like_things, delete_names]
COARSE = [delete_names, merge_names, delete_statements, replace_bodies_with_ellipsis, *PYTHON_PASSES]
FINE = [
    lift_braces,
    compose(Tokenize(), block_deletion(1, 6)),
    reduce_integer_literals,
    combine_expressions,
    merge_adjacent_strings,
]


async def keeps(candidate: bytes) -> bool:
    try:
        compile(candidate, "candidate", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False  # the kit would say so too, after a journey
    async with await trio.open_unix_socket(SOCKET) as kit:
        await kit.send_all(candidate)
        await kit.send_eof()
        return bytes(await kit.receive_some(1)) == b"1"


async def reduced(text: bytes, passes: list[Any]) -> bytes:
    """The text when none of the passes finds anything smaller."""
    work = WorkContext(random.Random(0), int(PARALLELISM), Volume.quiet)
    problem = BasicReductionProblem(text, keeps, work, sort_key=sort_key_for_initial(text))
    reducer = ShrinkRay(target=problem)
    await problem.setup()
    before = None
    while before != problem.current_test_case:
        before = problem.current_test_case
        for one in passes:
            await reducer.run_pass(one)
    return bytes(problem.current_test_case)


async def dissolved(text: bytes) -> bytes:
    """The text without the functions that it can do without. It may be longer, but more of it can be taken out."""
    for name in functions(text):
        candidate = inlined(name, text)
        if await keeps(candidate):
            text = candidate
    return text


async def main() -> None:
    text = await reduced(Path(SCRIPT).read_bytes(), FIRST)
    text = await reduced(await dissolved(text), COARSE)
    await reduced(await dissolved(text), COARSE + FINE)


trio.run(main)
