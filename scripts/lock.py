"""Write scripts/requirements-dev.txt: every package that developing, auditing and releasing take, with its hashes.

Usage: python scripts/lock.py, with uv in the environment (dependency group release) and an internet connection.

The file holds for all systems and versions of Python that the project supports. PyTorch and what its CUDA build needs
are not in it: which build is right depends on the machine, and each has hashes of its own.
"""

from __future__ import annotations

import re
import subprocess
import sys

import _environment

TARGET = _environment.ROOT / "scripts" / "requirements-dev.txt"
_LEFT_OUT = re.compile(r"(torch|triton|nvidia-[\w-]+|cuda-[\w-]+)==")
_HEADER = """\
# Made by scripts/lock.py; not to be edited. To install exactly these files, with PyTorch first, whose build depends on
# the machine:
#
#   pip install -c scripts/constraints.txt torch
#   pip install --require-hashes --no-deps -r scripts/requirements-dev.txt
#   pip install --no-deps --no-build-isolation -e .
"""


def locked() -> str:
    """What uv resolves, from nothing but the public index."""
    command = [
        *(sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--no-config"),
        *("--universal", "--python-version", "3.11", "--generate-hashes", "--no-annotate", "--no-header"),
        *("--constraint", str(_environment.CONSTRAINTS), "--extra", "api", "--extra", "c2pa"),
        *(f"--group={name}" for name in ("dev", "audit", "release")),
        "pyproject.toml",
    ]
    return subprocess.run(command, cwd=_environment.ROOT, check=True, capture_output=True, text=True).stdout


def without_torch(text: str) -> str:
    """The requirements, each with the lines of its hashes, but for PyTorch's."""
    entries = re.split(r"^(?=\S)", text, flags=re.MULTILINE)
    return "".join(entry for entry in entries if not _LEFT_OUT.match(entry))


def main() -> int:
    """Write the file and return the exit code."""
    try:
        requirements = without_torch(locked())
    except subprocess.CalledProcessError as error:
        print(f"error: uv failed: {error.stderr.strip()}", file=sys.stderr)
        return 1
    TARGET.write_text(_HEADER + requirements, encoding="utf-8", newline="\n")
    print(f"{TARGET.relative_to(_environment.ROOT)}: {requirements.count('==')} packages")
    return 0


if __name__ == "__main__":
    sys.exit(main())
