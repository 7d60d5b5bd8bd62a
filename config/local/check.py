"""`make check`: every check of the code that needs no test run."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping

from .services.temporary import environment_with_servers, run
from .state_dir import StateDir

PYTHON = sys.executable
CHECKS = {
    "format (ruff)": ("-m", "ruff", "format", "--check", "."),
    "lint (ruff)": ("-m", "ruff", "check", "."),
    "layers (import-linter)": ("-c", "from importlinter.cli import lint_imports_command as run; run()"),
    "compose file": ("-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yml"),
    "settings and models (manage.py check)": ("manage.py", "check", "--fail-level", "WARNING"),
    "migrations (makemigrations --check)": ("manage.py", "makemigrations", "--check", "--dry-run"),
    "types (mypy)": ("-m", "mypy", "."),
}


def check(home: StateDir) -> int:
    """Run every check, also after one failed; 0 when all passed."""
    with environment_with_servers(home) as environment:
        failed = [name for name, arguments in CHECKS.items() if not passes(name, arguments, environment)]
    print(f"\nFailed: {', '.join(failed)}" if failed else f"\nAll {len(CHECKS)} checks passed.")
    return 1 if failed else 0


def passes(name: str, arguments: tuple[str, ...], environment: Mapping[str, str]) -> bool:
    print(f"\n== {name}", flush=True)
    begun = time.monotonic()
    code = run([PYTHON, *arguments], environment)
    print(f"   {'passed' if code == 0 else 'FAILED'} in {time.monotonic() - begun:.1f} s", flush=True)
    return code == 0
