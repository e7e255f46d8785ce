"""Rules over the syntax trees: imports (Home → pages → pages/parts → state → core), size, docs."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FORBIDDEN = {
    "core": {"streamlit", "threading", "multiprocessing", "state", "pages", "Home"},
    "state": {"pages", "Home"},
    "pages/parts": {"Home"},
    "pages": {"Home"},
}
CONCURRENT = {
    "http_stream.py": {"threading"},  # A silent server must not keep work from being stopped
    "public_fetch.py": {"threading"},  # Nor must the look-up of a name, which has no timeout
    "background.py": {"multiprocessing"},  # Nor must a long call, which runs in a `ThreadPool`
    "faiss_file.py": {"threading"},  # A lock: FAISS has one limit for all files that it reads
    "gpu.py": {"threading"},  # A lock serializes the searches on a graphics card
}
"""Modules of core that may use threads or processes."""

CORE_ORDER = (
    ("errors",),
    ("progress", "files"),
    ("workspace", "options"),
    ("net",),
    ("artifacts", "images", "metrics"),
    ("jobs",),
    ("datasets",),
    ("lineage",),
    ("models",),
    ("training",),
    ("embeddings",),
    ("indexes",),
    ("index_benchmark", "bundles", "query"),
    ("evaluation", "maps", "quality"),
    ("labeling",),
    ("pipeline",),
    ("commands",),
    ("cli",),
    ("__main__",),
)
"""Each module and package of core imports only from the rows above its own, and from itself."""

SLOW = {"torch", "torchvision", "faiss", "umap", "sklearn"}
DRAWN_AT_ONCE = [
    "datasets", "training", "indexes", "query", "explore", "evaluate", "data_quality"
]  # fmt: skip


@cache
def parsed(file: Path) -> ast.AST:
    return ast.parse(file.read_text())


@cache
def modules_imported(file: Path) -> frozenset[str]:
    found: set[str] = set()
    for node in ast.walk(parsed(file)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(found)


def files_of(place: str) -> list[Path]:
    path = ROOT / place
    if path.is_file():
        return [path]
    return sorted(path.glob("*.py") if place == "pages" else path.rglob("*.py"))


@pytest.mark.parametrize("layer", FORBIDDEN)
def test_layer_imports_only_downwards(layer: str) -> None:
    files = files_of(layer)
    assert files
    for file in files:
        packages = {name.split(".")[0] for name in modules_imported(file)}
        assert not packages & FORBIDDEN[layer] - CONCURRENT.get(file.name, set()), file


def test_pages_are_scripts_that_nothing_imports() -> None:
    for file in [*files_of("pages"), *files_of("pages/parts"), *files_of("state")]:
        names = modules_imported(file)
        ours = {name for name in names if name.startswith("pages.")}
        assert all(name.startswith("pages.parts") for name in ours), file


RANK = {name: rank for rank, names in enumerate(CORE_ORDER) for name in names}


def core_parts() -> dict[str, list[Path]]:
    """Return each module and package at the root of core with its files."""
    parts: dict[str, list[Path]] = {}
    for file in sorted((ROOT / "core").rglob("*.py")):
        name = file.relative_to(ROOT / "core").parts[0].removesuffix(".py")
        if name != "__init__":
            parts.setdefault(name, []).append(file)
    return parts


def test_the_root_of_core_has_just_the_modules_and_packages_in_the_order() -> None:
    assert set(core_parts()) == set(RANK)


@pytest.mark.parametrize("part", RANK)
def test_core_imports_only_from_what_comes_before(part: str) -> None:
    allowed = {part} | {name for name, rank in RANK.items() if rank < RANK[part]}
    for file in core_parts()[part]:
        for name in modules_imported(file):
            steps = name.split(".")
            if steps[0] == "core" and len(steps) > 1 and steps[1] in RANK:
                assert steps[1] in allowed, f"{file} imports {name}"


def test_session_state_has_one_owner() -> None:
    files = [
        file for layer in ("Home.py", "pages", "pages/parts", "state") for file in files_of(layer)
    ]
    users = {file.name for file in files if "st.session_state" in file.read_text()}
    assert users == {"session.py"}


def test_threads_are_started_by_the_job_board_and_the_batcher_only() -> None:
    users = {
        file.name
        for layer in ("Home.py", "pages", "pages/parts", "state")
        for file in files_of(layer)
        if re.search(r"\b(Thread|Timer|ThreadPoolExecutor)\(", file.read_text())
    }
    assert users == {"jobs.py", "batcher.py"}


def test_only_the_ends_of_a_process_or_thread_catch_every_error() -> None:
    broad = [
        file.relative_to(ROOT).as_posix()
        for layer in ("Home.py", "pages", "state", "core")
        for file in sorted((ROOT / layer).rglob("*.py") if layer != "Home.py" else [ROOT / layer])
        for node in ast.walk(parsed(file))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) in ("Exception", "BaseException"))
    ]
    assert broad == ["state/jobs.py", "core/cli.py"]


@pytest.mark.slow  # Part of `make check`
def test_pages_are_drawn_before_slow_packages_are_imported(tmp_path: Path) -> None:
    script = f"""
import sys
from streamlit.testing.v1 import AppTest
app = AppTest.from_file("Home.py", default_timeout=60).run()
for page in {DRAWN_AT_ONCE}:
    app.switch_page(f"pages/{{page}}.py").run()
assert app.title and not app.exception
print(*({SLOW} & set(sys.modules)))
"""
    ended = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=os.environ | {"WORKBENCH_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout.strip()) == (0, ""), ended.stderr


CODE = sorted(
    path
    for place in ("core", "state", "pages", "benchmarks")
    for path in (ROOT / place).rglob("*.py")
)
MAX_FUNCTION_LINES, MAX_FILE_LINES = 50, 250


def test_functions_and_files_are_short() -> None:
    files = {str(path) for path in CODE if len(path.read_text().splitlines()) > MAX_FILE_LINES}
    functions = {
        f"{path}: {node.name}"
        for path in CODE
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.FunctionDef)
        and (node.end_lineno or 0) - node.lineno >= MAX_FUNCTION_LINES
    }
    assert files | functions == set()


def public_functions(node: ast.AST) -> Iterator[ast.FunctionDef]:
    """Yield the functions of a module and the methods of its classes that others may call."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.ClassDef) and child.name.startswith("_"):
            continue
        if isinstance(child, ast.FunctionDef):
            yield child
        elif isinstance(child, ast.ClassDef):
            yield from public_functions(child)


def test_public_functions_have_docstrings() -> None:
    undocumented = {
        f"{path}: {function.name}"
        for path in CODE
        for function in public_functions(parsed(path))
        if not ast.get_docstring(function) and "benchmarks" not in path.parts
    }
    assert undocumented == set()


def test_torchvision_is_imported_in_one_module() -> None:
    users = {
        file.relative_to(ROOT).as_posix()
        for layer in ("core", "state", "pages")
        for file in (ROOT / layer).rglob("*.py")
        if any(n.split(".")[0] == "torchvision" for n in modules_imported(file))
    }
    assert users == {"core/models/vision.py"}
