"""Tells mutants that change what the code does from those that change only its words."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ORIGINAL = "__mutmut_orig"


def meaningful_mutants(*, mutants: Path, names: list[str]) -> list[str]:
    """Return those of the mutants that differ in more than a text or a line of the log."""
    kept: list[str] = []
    by_module: dict[str, list[str]] = {}
    for name in names:
        by_module.setdefault(name.rpartition(".")[0], []).append(name)
    for module, named in by_module.items():
        functions = _functions(mutants.joinpath(*module.split(".")))
        for name in named:
            function = name.rpartition(".")[2]
            original = functions.get(function.partition("__mutmut_")[0] + ORIGINAL)
            if original is None or functions.get(function) != original:
                kept.append(name)
    return kept


def _functions(stem: Path) -> dict[str, str]:
    """Return the functions of a changed module by name, each without its texts."""
    path = stem.with_suffix(".py") if stem.with_suffix(".py").exists() else stem / "__init__.py"
    tree = ast.parse(path.read_text())
    return {function.name: _without_words(function) for function in _all_functions(tree)}


def _all_functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and "__mutmut_" in node.name:
            yield node


class _Wordless(ast.NodeTransformer):
    """Puts the same text for every text, and nothing for a line of the log."""

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        return ast.Constant("") if isinstance(node.value, str | bytes) else node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        values = [self.visit(value) for value in node.values if isinstance(value, ast.FormattedValue)]
        return ast.JoinedStr(values=values)

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        call = node.value
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
            owner = call.func.value
            if isinstance(owner, ast.Name) and owner.id in {"log", "_log"}:
                return ast.Pass()
        return self.generic_visit(node)


def _without_words(function: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    body = [_Wordless().visit(statement) for statement in function.body]
    return "\n".join(ast.dump(part) for part in (_Wordless().visit(function.args), *body))
