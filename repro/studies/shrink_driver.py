"""Proposes smaller scripts with Shrink Ray and asks the kit about each; runs in the environment that holds Shrink Ray.

Run as ``python shrink_driver.py SOCKET SCRIPT PARALLELISM``. A candidate goes to the socket as it is, and a byte comes
back: ``1`` if it still fails in the same way. Ends with status 0 when no pass finds anything smaller.

Shrink Ray's own command gives a pass up after five seconds without success, which is two runs of a script that imports
datasets; and it goes on to bytes, until names and numbers mean nothing to a reader. So the passes are chosen here.
"""

import ast
import random
import sys
from pathlib import Path
from typing import Any

import trio
from shrinkray.passes.bytes import Split, Tokenize, lift_braces
from shrinkray.passes.definitions import compose
from shrinkray.passes.genericlanguages import (
    combine_expressions,
    cut_comment_like_things,
    merge_adjacent_strings,
    reduce_integer_literals,
)
from shrinkray.passes.patching import SetPatches, apply_patches
from shrinkray.passes.python import PYTHON_PASSES, delete_statements, replace_bodies_with_ellipsis
from shrinkray.passes.sequences import block_deletion, delete_duplicates
from shrinkray.problem import BasicReductionProblem, sort_key_for_initial
from shrinkray.reducer import ShrinkRay
from shrinkray.work import Volume, WorkContext

SOCKET, SCRIPT, PARALLELISM = sys.argv[1:4]
LINES = [compose(Split(b"\n"), block_deletion(low, high)) for low, high in ((10, 100), (1, 10))]


class Without(ast.NodeTransformer):
    """Takes out what mentions a name: simple statements, definitions, imports, parameters and arguments."""

    def __init__(self, name: str) -> None:
        self.name = name

    def mentions(self, *nodes: ast.AST | None) -> bool:
        return any(self.name in (getattr(one, k, "") for k in KEYS) for n in nodes if n for one in ast.walk(n))

    def visit(self, node: ast.AST) -> Any:
        node = self.generic_visit(node)
        if isinstance(node, ast.Import | ast.ImportFrom):
            node.names = [one for one in node.names if self.name not in (one.name, one.asname)]
            return node if node.names else None
        if isinstance(node, ast.arguments):
            node.args = [one for one in node.args if one.arg != self.name]
        elif isinstance(node, ast.Dict):
            pairs = [(k, v) for k, v in zip(node.keys, node.values, strict=True) if not self.mentions(k, v)]
            node.keys, node.values = [k for k, _ in pairs], [v for _, v in pairs]
        elif isinstance(node, ast.Call):
            node.args = [one for one in node.args if not isinstance(one, ast.Name) or one.id != self.name]
        elif isinstance(node, ast.stmt):
            if getattr(node, "name", "") == self.name:
                return None
            if not hasattr(node, "body"):
                return None if self.mentions(node) else node
            if not node.body:
                node.body = [ast.Pass()]
            heads = getattr(node, "test", None), getattr(node, "iter", None), getattr(node, "target", None)
            if self.mentions(*heads, *getattr(node, "items", ())):
                return node.body
        return node


def without(names: frozenset[str], text: bytes) -> bytes:
    tree = ast.parse(text)
    for name in sorted(names):
        tree = Without(name).visit(tree)
    return f"{ast.unparse(ast.fix_missing_locations(tree))}\n".encode() if names else text


async def delete_names(problem: Any) -> None:
    """Tries to take out all that mentions one name at once: a logger, a stopwatch, a setting."""
    try:
        tree = ast.parse(problem.current_test_case)
    except (SyntaxError, ValueError):
        return
    names = sorted({str(getattr(one, k)) for one in ast.walk(tree) for k in KEYS if getattr(one, k, None)})
    await apply_patches(problem, SetPatches(without), [frozenset([name]) for name in names])


KEYS = ("id", "name", "arg", "attr")
COARSE = [
    cut_comment_like_things,
    delete_names,
    replace_bodies_with_ellipsis,
    delete_statements,
    *LINES,
    *PYTHON_PASSES,
]
FINE = [
    compose(Split(b"\n"), delete_duplicates),
    lift_braces,
    compose(Tokenize(), block_deletion(1, 20)),
    reduce_integer_literals,
    combine_expressions,
    merge_adjacent_strings,
]


async def keeps(candidate: bytes) -> bool:
    async with await trio.open_unix_socket(SOCKET) as kit:
        await kit.send_all(candidate)
        await kit.send_eof()
        return bytes(await kit.receive_some(1)) == b"1"


async def main() -> None:
    initial = Path(SCRIPT).read_bytes()
    work = WorkContext(random.Random(0), int(PARALLELISM), Volume.quiet)
    problem = BasicReductionProblem(initial, keeps, work, sort_key=sort_key_for_initial(initial))
    reducer = ShrinkRay(target=problem)
    await problem.setup()
    for passes in (COARSE, COARSE + FINE):
        before = None
        while before != problem.current_test_case:
            before = problem.current_test_case
            for one in passes:
                await reducer.run_pass(one)


trio.run(main)
