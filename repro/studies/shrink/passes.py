"""Passes of a shrinking that know Python: they take out a name with all that mentions it, and dissolve functions."""

import ast
from typing import Any

from shrinkray.passes.patching import SetPatches, apply_patches

KEYS = ("id", "name", "arg", "attr", "value")
"""Where a node holds a name; ``value`` is that of a constant text, such as the key of a column."""


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
    tree = ast.parse(problem.current_test_case)
    held = (getattr(one, key, None) for one in ast.walk(tree) for key in KEYS)
    names = sorted({one for one in held if isinstance(one, str) and one})
    await apply_patches(problem, SetPatches(without), [frozenset([name]) for name in names])


class Renamed(ast.NodeTransformer):
    """Calls everything by its other name, and takes out what says that the two are the same."""

    def __init__(self, names: dict[str, str]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> Any:
        seen = set[str]()
        while node.id in self.names and node.id not in seen:
            seen.add(node.id)
            node.id = self.names[node.id]
        return node

    def visit_Assign(self, node: ast.Assign) -> Any:
        found = pair(node)
        return None if found is not None and found in self.names.items() else self.generic_visit(node)


def pair(node: ast.AST) -> tuple[str, str] | None:
    """The two names of ``a = b``."""
    match node:
        case ast.Assign([ast.Name(one)], ast.Name(other)):
            return one, other
    return None


def renamed(pairs: frozenset[tuple[str, str]], text: bytes) -> bytes:
    return f"{ast.unparse(ast.fix_missing_locations(Renamed(dict(pairs)).visit(ast.parse(text))))}\n".encode()


async def merge_names(problem: Any) -> None:
    """Tries to give two names of the same thing one: ``a = b`` goes, and ``a`` is called ``b``."""
    tree = ast.parse(problem.current_test_case)
    pairs = sorted({found for node in ast.walk(tree) if (found := pair(node))})
    await apply_patches(problem, SetPatches(renamed), [frozenset([one]) for one in pairs])


class Fewer(ast.NodeTransformer):
    """Takes out statements by their number, simple or compound; a body that is left empty says ``pass``."""

    def __init__(self, numbers: frozenset[int]) -> None:
        self.numbers, self.count = numbers, 0

    def visit(self, node: ast.AST) -> Any:
        if isinstance(node, ast.stmt):
            self.count += 1
            if self.count in self.numbers:
                self.count += sum(isinstance(one, ast.stmt) for one in ast.walk(node)) - 1
                return None
        node = self.generic_visit(node)
        if isinstance(node, ast.stmt | ast.ExceptHandler) and getattr(node, "body", True) == []:
            node.body = [ast.Pass()]  # type: ignore[union-attr]
        return node


def fewer(numbers: frozenset[int], text: bytes) -> bytes:
    return f"{ast.unparse(ast.fix_missing_locations(Fewer(numbers).visit(ast.parse(text))))}\n".encode()


async def delete_statements(problem: Any) -> None:
    """Tries to take out statements of any kind, the long ones first."""
    tree = ast.parse(problem.current_test_case)
    lengths = dict[int, int]()

    def measure(node: ast.AST) -> None:  # in the order in which Fewer meets them
        if isinstance(node, ast.stmt):
            lengths[len(lengths) + 1] = sum(1 for _ in ast.walk(node))
        for child in ast.iter_child_nodes(node):
            measure(child)

    measure(tree)
    by_length = sorted(lengths, key=lambda number: -lengths[number])
    await apply_patches(problem, SetPatches(fewer), [frozenset([number]) for number in by_length])


class Inlined(ast.NodeTransformer):
    """Puts the body of a function before each simple statement that calls it, and its result where the call was."""

    def __init__(self, function: ast.FunctionDef) -> None:
        self.function = function
        *self.body, last = function.body
        self.returned = (last.value if isinstance(last, ast.Return) else None) or ast.Constant(None)
        self.body += [] if isinstance(last, ast.Return) else [last]
        self.before: list[ast.stmt] | None = None

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        return None if node.name == self.function.name else self.generic_visit(node)

    def visit(self, node: ast.AST) -> Any:
        if not isinstance(node, ast.Expr | ast.Assign | ast.AnnAssign | ast.AugAssign | ast.Return | ast.Assert):
            return super().visit(node)
        outer, self.before = self.before, []
        whole = isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
        left, before, self.before = self.generic_visit(node), self.before, outer
        if not before:
            return left
        return before if whole and not isinstance(getattr(left, "value", None), ast.Call) else [*before, left]

    def visit_Call(self, node: ast.Call) -> Any:
        node = self.generic_visit(node)  # type: ignore[assignment]
        if self.before is None or not isinstance(node.func, ast.Name) or node.func.id != self.function.name:
            return node
        given = {one.arg: value for one, value in zip(self.function.args.args, node.args, strict=False)}
        given |= {one.arg: one.value for one in node.keywords if one.arg}
        for name, value in given.items():
            if not (isinstance(value, ast.Name) and value.id == name):
                self.before.append(ast.Assign(targets=[ast.Name(name, ast.Store())], value=value))
        self.before += self.body
        return self.returned


def functions(text: bytes) -> dict[str, ast.FunctionDef]:
    """The functions of a script that can be dissolved: with plain parameters, and no return but the last statement."""
    found = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef) and not node.decorator_list:
            args, inner = node.args, [one for part in node.body for one in ast.walk(part)]
            early = [one for one in inner if isinstance(one, ast.Return | ast.Yield) and one is not node.body[-1]]
            if not (args.vararg or args.kwarg or args.kwonlyargs or args.defaults or early):
                found[node.name] = node
    return found


def inlined(name: str, text: bytes) -> bytes:
    function = functions(text).get(name)
    if function is None:
        return text
    return f"{ast.unparse(ast.fix_missing_locations(Inlined(function).visit(ast.parse(text))))}\n".encode()
