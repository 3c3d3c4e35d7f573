"""Hold every module to the layers: which library may be imported where, and which package may know which."""

import ast
import asyncio
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("bot", "classifier")


@dataclass(frozen=True, slots=True)
class Import:
    """Name one imported module; `at_load` is false inside a function."""

    name: str
    line: int
    at_load: bool


@dataclass(frozen=True, slots=True)
class Rule:
    """Keep some libraries to some modules; with `at_load`, a function may import them anywhere."""

    libraries: tuple[str, ...]
    only_in: tuple[str, ...]
    at_load: bool = False


RULES = (
    Rule(("discord",), ("bot.app", "bot.ui", "bot.enforce", "bot.cogs", "bot.voice")),
    Rule(
        (
            *("torch", "transformers", "accelerate", "safetensors", "onnx", "onnxscript", "sklearn"),
            *("matplotlib", "jinja2", "markupsafe", "tomli_w"),
        ),
        ("classifier.training",),
    ),
    Rule(("sqlalchemy", "aiosqlite", "alembic", "cryptography", "asyncpg", "filelock"), ("bot.store",)),
    Rule(("faster_whisper", "av", "ctranslate2"), ("bot.speech",)),
    Rule(("aiohttp", "yarl"), ("bot.fetch", "bot.enforce", "bot.app")),
    Rule(("pydantic_settings",), ("bot.settings",)),
    Rule(("prometheus_client",), ("bot.app", "bot.console")),
    Rule(("pythonjsonlogger",), ("bot.console",)),
    Rule(("typer", "rich"), ("bot.cli", "bot.console")),
    Rule(("bot",), ("bot",)),
    Rule(("classifier.training",), ("classifier",), at_load=True),
)
LOADED_ON_DEMAND = (
    "torch",
    "transformers",
    "faster_whisper",
    "av",
    "ctranslate2",
    "discord",
    "asyncpg",
    "prometheus_client",
)


def within(name: str, parents: Iterable[str]) -> bool:
    return any(name == parent or name.startswith(f"{parent}.") for parent in parents)


def module_name(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def imports(tree: ast.AST, package: str, *, at_load: bool = True) -> Iterator[Import]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, node.lineno, at_load) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = absolute(node, package)
            yield from (Import(f"{source}.{alias.name}", node.lineno, at_load) for alias in node.names)
        else:
            # What only a type checker reads is not loaded either.
            inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or for_types(node)
            yield from imports(node, package, at_load=at_load and not inside)


def for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def absolute(node: ast.ImportFrom, package: str) -> str:
    """Return the full name of the module that a `from ... import` names, dots resolved."""
    parts = package.split(".")
    base = parts[: len(parts) - node.level + 1] if node.level else []
    return ".".join([*base, *([node.module] if node.module else [])])


def violations(path: Path, source: str) -> list[str]:
    """Return what a module at that path, relative to the root, imports against the rules."""
    module = module_name(path)
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    return [
        f"{path}:{found.line} imports {found.name}, which belongs in {', '.join(rule.only_in)}"
        for found in imports(ast.parse(source), package)
        for rule in RULES
        if within(found.name, rule.libraries)
        and not within(module, rule.only_in)
        and (found.at_load or not rule.at_load)
    ]


def sources() -> list[Path]:
    return [path.relative_to(ROOT) for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def test_every_module_keeps_to_its_layer() -> None:
    found = sources()

    assert {path.parts[0] for path in found} == set(PACKAGES)
    assert [line for path in found for line in violations(path, (ROOT / path).read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("bot/pipeline.py", "import discord"),
        ("bot/pipeline.py", "from discord.ext import commands"),
        ("bot/cogs_of_mine.py", "import discord"),
        ("classifier/encoder.py", "import torch.nn as nn"),
        ("classifier/encoder.py", "def load():\n    from transformers import AutoModel"),
        ("classifier/encoder.py", "class Model:\n    from onnx import ModelProto"),
        ("bot/policy.py", "import json, sqlalchemy.orm"),
        ("bot/policy.py", "try:\n    import cryptography\nexcept ImportError:\n    pass"),
        ("bot/pipeline.py", "if True:\n    import faster_whisper"),
        ("bot/app.py", "from pydantic_settings import BaseSettings"),
        ("bot/settings.py", "from rich.console import Console"),
        ("classifier/verdict.py", "from bot.domain import Excerpt"),
        ("classifier/verdict.py", "def late():\n    import bot"),
        ("bot/cli.py", "from classifier import training"),
        ("bot/cli.py", "import classifier.training.trainer"),
        ("classifier/__init__.py", "from ..bot import domain"),
    ],
)
def test_an_import_out_of_its_layer_is_seen(path: str, source: str) -> None:
    assert len(violations(Path(path), source)) == 1


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("bot/app.py", "import discord"),
        ("bot/cogs/review.py", "import discord"),
        ("classifier/training/__init__.py", "import torch"),
        ("classifier/training/trainer.py", "from transformers import AutoModel"),
        ("classifier/encoder.py", "import onnxruntime"),
        ("bot/store/rows.py", "from sqlalchemy.ext.asyncio import AsyncSession"),
        ("bot/speech/whisper.py", "import faster_whisper"),
        ("bot/cli.py", "import typer\ndef train():\n    from classifier.training import trainer"),
        ("classifier/card.py", "from . import training"),
        ("bot/ports.py", "from classifier import Verdict\nfrom .domain import Excerpt"),
    ],
)
def test_an_import_within_its_layer_passes(path: str, source: str) -> None:
    assert violations(Path(path), source) == []


@pytest.mark.parametrize("module", ["bot.cli", "classifier"])
async def test_loading_it_loads_no_library_that_only_some_commands_need(module: str) -> None:
    code = f"import sys, {module}; print(*sorted(set(sys.modules).intersection({LOADED_ON_DEMAND})))"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=PIPE, stderr=PIPE
    )

    loaded, complaint = await process.communicate()

    assert process.returncode == 0, complaint.decode()
    assert loaded.decode().split() == []
