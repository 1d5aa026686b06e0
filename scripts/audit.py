"""Look into what is installed with the project: known vulnerabilities, and licences.

Usage: python scripts/audit.py [vulnerabilities] [licences], in an environment with the dependency group audit; both by
default. The exit code is 1 if anything is found, or if nothing could be looked into, as without an internet connection.
"""

from __future__ import annotations

import importlib.metadata
import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from importlib.metadata import Distribution

PROJECT = "facefusion-cli"
EXTRAS = frozenset({"api", "c2pa"})
ALLOWED = frozenset(
    {
        *("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "HPND", "ISC", "MIT", "MIT-0"),
        *("MIT-CMU", "PSF-2.0", "Python-2.0", "Unlicense", "Zlib"),
        # Weak copyleft: of files, or of libraries that are used as they are and can be exchanged.
        *("MPL-2.0", "LGPL-2.1-or-later", "LGPL-3.0"),
    }
)
EXCEPTIONS = ("LLVM-exception",)
"""What only loosens a licence."""
KNOWN = {
    "insightface": ("MIT", "its metadata are silent; its README says so of the code"),
    "pi-heif": ("BSD-3-Clause AND LGPL-3.0", "its metadata name one each; the second is of the libheif inside"),
}
"""Where the metadata do not suffice: the licence, and how it is known."""
_NAMES = {
    "apache software license": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "bsd license": "BSD-3-Clause",
    "bsd": "BSD-3-Clause",
    "bsd 3-clause license": "BSD-3-Clause",
    "3-clause bsd license": "BSD-3-Clause",
    "isc license (iscl)": "ISC",
    "isc license": "ISC",
    "mit license": "MIT",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "python software foundation license": "PSF-2.0",
    "gnu lesser general public license v3 (lgplv3)": "LGPL-3.0",
}
"""Older ways to name a licence."""
_NO_LICENCE = frozenset({"OSI Approved", "DFSG approved"})
_PYTORCH_CUDA = re.compile(r"(nvidia|cuda)-")


def main(arguments: list[str]) -> int:
    """Do what is asked for and return the exit code."""
    checks: dict[str, Callable[[], list[str]]] = {"vulnerabilities": _vulnerabilities, "licences": _licences}
    if unknown := set(arguments) - checks.keys():
        print(f"error: there is no check {', '.join(sorted(unknown))}.", file=sys.stderr)
        return 2
    problems = []
    for name in arguments or checks:
        found = checks[name]()
        print(f"{name}: {f'{len(found)} problems' if found else 'none found'}", file=sys.stderr)
        problems += found
    for problem in problems:
        print(problem)
    return 1 if problems else 0


def _vulnerabilities() -> list[str]:
    """What pip-audit says of the environment."""
    command = [sys.executable, "-m", "pip_audit", "--format", "json", "--progress-spinner", "off", "--skip-editable"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        report = json.loads(run.stdout)
    except ValueError:
        lines = run.stderr.strip().splitlines()
        return [f"pip-audit failed: {lines[-1] if lines else f'exit code {run.returncode}'}"]
    return vulnerabilities(report)


def vulnerabilities(report: Mapping[str, Any]) -> list[str]:
    """The problems in a report of pip-audit: what is vulnerable, and a report that looked into nothing.

    What the index does not know, such as this project or a build of PyTorch from elsewhere, is named on stderr.
    """
    audited = [one for one in report["dependencies"] if "vulns" in one]
    skipped = [one["name"] for one in report["dependencies"] if "vulns" not in one]
    if not audited:
        return [f"none of {len(skipped)} packages could be audited: is there an internet connection?"]
    print(f"audited: {len(audited)} packages; not: {', '.join(skipped) or 'none'}", file=sys.stderr)
    return [
        f"{one['name']} {one['version']}: {found['id']}, fixed in {', '.join(found['fix_versions']) or 'no release'}"
        for one in audited
        for found in one["vulns"]
    ]


def _licences() -> list[str]:
    found = {one.name: licence_of(one) for one in installed()}
    print(f"licences: {', '.join(sorted({text for text in found.values() if text}))}", file=sys.stderr)
    return licence_problems(found)


def licence_problems(found: Mapping[str, str]) -> list[str]:
    """What is wrong with the licences of packages by name, "" for one that does not say."""
    if not found:
        return [f"{PROJECT} is not installed: there is nothing to look into."]
    return [
        f"{name}: its metadata name no licence" if not licence else f"{name}: {licence} is not allowed"
        for name, licence in sorted(found.items())
        if not is_allowed(licence)
    ]


def is_allowed(expression: str) -> bool:
    """Whether an SPDX expression can be fulfilled with licences that are allowed alone."""
    text = re.sub(rf"\s+WITH\s+({'|'.join(EXCEPTIONS)})\b", "", expression, flags=re.IGNORECASE)
    while inner := re.search(r"\(([^()]*)\)", text):
        text = text.replace(inner[0], " MIT " if is_allowed(inner[1]) else " no-licence ")
    return any(
        all(licence.strip() in ALLOWED for licence in re.split(r"\s+AND\s+", choice, flags=re.IGNORECASE))
        for choice in re.split(r"\s+OR\s+", text.strip(), flags=re.IGNORECASE)
    )


def licence_of(package: Distribution) -> str:
    """As an SPDX expression where that is known, else in the words of the package, else ""."""
    if known := KNOWN.get(canonicalize_name(package.name)):
        return known[0]
    if expression := _field(package, "License-Expression"):
        return expression
    classifiers = (
        text.split(" :: ")[-1] for text in package.metadata.get_all("Classifier") or () if "License ::" in text
    )
    named = [text for text in classifiers if text not in _NO_LICENCE]
    lines = _field(package, "License").strip().splitlines()
    if len(lines) == 1 and ((text := _spdx(lines[0])) in ALLOWED or not named):
        return text  # says which of the BSD licences it is, where classifiers do not
    return " AND ".join(map(_spdx, named))


def _field(package: Distribution, name: str) -> str:
    (value, *_) = package.metadata.get_all(name) or [""]
    return str(value)


def _spdx(text: str) -> str:
    return _NAMES.get(text.strip().lower(), text.strip())


def installed() -> Iterable[Distribution]:
    """What the project needs, and what that needs, as far as it is installed; not NVIDIA's parts of PyTorch.

    Those come under terms of their own with PyTorch's CUDA build and are not ours to choose.
    """
    waiting: list[tuple[str, frozenset[str]]] = [(PROJECT, EXTRAS)]
    seen: dict[str, Distribution] = {}
    asked: set[tuple[str, str]] = set()
    while waiting:
        name, extras = waiting.pop()
        try:
            package = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        seen[canonicalize_name(name)] = package
        for extra in ("", *extras):
            if (canonicalize_name(name), extra) in asked:
                continue
            asked.add((canonicalize_name(name), extra))
            waiting += [
                (requirement.name, frozenset(requirement.extras))
                for requirement in map(Requirement, package.requires or ())
                if requirement.marker is None or requirement.marker.evaluate({"extra": extra})
            ]
    return [one for name, one in sorted(seen.items()) if not _PYTORCH_CUDA.match(name)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
