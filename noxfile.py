"""The sessions; bare `nox` is what CI runs. Each installs what its dependency group in pyproject names."""

from __future__ import annotations

import sys
from pathlib import Path

import nox

nox.needs_version = ">=2024.10.9"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"

ROOT = Path(__file__).parent
CORPUS = ROOT.parent / "shared" / "data" / "dev"
PHI_TOOLS = ROOT.parent / "shared" / "tools"
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
OURS = f"{sys.version_info.major}.{sys.version_info.minor}"
GROUPS = nox.project.load_toml("pyproject.toml")

nox.options.sessions = [
    "lint",
    "types",
    "layers",
    f"tests-{OURS}",
    "integration",
    "docs",
    *(["corpus"] if CORPUS.is_dir() else []),
]


def install(session: nox.Session, *groups: str, extras: str = "") -> None:
    """Install the project, editable, with extras such as `[codecs]`, and dependency groups of pyproject."""
    needed = [need for group in groups for need in nox.project.dependency_groups(GROUPS, group)]
    session.install("--editable", f".{extras}", *needed)
    session.env["PYTHONDONTWRITEBYTECODE"] = ""  # hundreds of short processes would each compile it all again


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, spelling and examples: every pre-commit hook on every file."""
    install(session, "lint")
    session.run("pre-commit", "run", "--all-files", "--show-diff-on-failure", *session.posargs)


@nox.session
def types(session: nox.Session) -> None:
    """Check the types, strictly."""
    install(session, "types", "test", "nox", "bench", extras="[codecs]")
    session.run("pyright", *session.posargs)


@nox.session
def layers(session: nox.Session) -> None:
    """Check that imports point down."""
    install(session, "layers")
    session.run("lint-imports")


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the unit tests, which need nothing but Python, and hold the coverage."""
    install(session, "test")
    session.env["COVERAGE_FILE"] = str(Path(session.create_tmp()) / "coverage")
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", "pytest", "tests/unit", "-n", "2", *session.posargs)
    if not session.posargs:
        session.run("coverage", "combine", "--quiet")
        session.run("coverage", "report")


@nox.session
def minimums(session: nox.Session) -> None:
    """Run the unit tests with the oldest versions that pyproject allows; needs uv."""
    needed = nox.project.dependency_groups(GROUPS, "test")
    session.install("--resolution=lowest-direct", "--editable", ".", *needed)
    session.run("pytest", "tests/unit", "-n", "2", *session.posargs)


@nox.session
def integration(session: nox.Session) -> None:
    """Run the tests against Orthanc, DCMTK and pynetdicom."""
    install(session, "test", extras="[codecs]")
    session.run("pytest", "tests/peers", "-n", "2", "--dist", "loadfile", *session.posargs)


@nox.session
def corpus(session: nox.Session) -> None:
    """Send a folder of real files through Orthanc and back, and de-identify it: `nox -s corpus -- FOLDER`."""
    install(session, "test")
    folder = session.posargs[0] if session.posargs else str(CORPUS)
    tools = {"ADIT_TEST_PHI_TOOLS": str(PHI_TOOLS)} if PHI_TOOLS.is_dir() else {}
    session.run("pytest", "tests/corpus", env={"ADIT_TEST_CORPUS": folder, **tools})


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation; a warning is an error."""
    install(session, "docs")
    session.run("mkdocs", "build", "--strict", *session.posargs)


@nox.session(name="docs-serve", default=False)
def docs_serve(session: nox.Session) -> None:
    """Serve the documentation while it is written."""
    install(session, "docs")
    session.run("mkdocs", "serve", *session.posargs)


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Measure against DCMTK and pynetdicom side by side: `nox -s bench -- get send --rounds 3`."""
    install(session, "bench")
    session.run("python", "-m", "benchmarks", *session.posargs)
