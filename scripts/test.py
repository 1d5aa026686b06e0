"""Run every check of the project in an environment of its own: lint, format, types, tests with coverage.

Usage: python scripts/test.py [arguments for pytest]

The tests build the wheel and the source archive too, inspect them and use the installed wheel
(tests/integration/test_package.py).
"""

from __future__ import annotations

import os
import subprocess
import sys

import _environment

# One more than there are processors: tests wait for other processes as often as they compute.
_AT_A_TIME = str((os.cpu_count() or 1) + 1)
CHECKS = {
    "ruff check": ("ruff", "check"),
    "ruff format": ("ruff", "format", "--check"),
    "mypy": ("mypy",),
    "pytest": ("pytest", "--numprocesses", _AT_A_TIME, "--dist", "loadfile", "--cov", "--cov-report=term"),
}


def main() -> int:
    """Run all checks, also after one has failed, and return the exit code."""
    _environment.prepare("dev", extra="api,c2pa")
    failed = []
    for name, arguments in CHECKS.items():
        _environment.say(f"\n== {name}")
        extra = sys.argv[1:] if name == "pytest" else []
        check = [str(_environment.PYTHON), "-m", *arguments, *extra]
        if subprocess.run(check, cwd=_environment.ROOT, check=False).returncode != 0:
            failed.append(name)
    if failed:
        _environment.say(f"\nFailed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
