"""The release workflow, the hashed requirements, and what scripts/audit.py makes of what it finds."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
REQUIREMENTS = ROOT / "scripts" / "requirements-dev.txt"
PYTORCH = "torch"


def modules() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "scripts"))
        import audit
        import lock

        return audit, lock


audit, lock = modules()


@pytest.fixture(scope="module")
def workflow() -> Any:
    path = ROOT / ".github" / "workflows" / "release.yml"
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def steps(workflow: Any) -> list[Any]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def test_actions_are_pinned_to_commits(workflow: Any) -> None:
    used = [step["uses"] for step in steps(workflow) if "uses" in step]
    assert len(used) >= 7
    for action in used:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action), action


def test_only_the_last_job_may_publish_and_nothing_has_a_token(workflow: Any) -> None:
    assert workflow["permissions"] == {}
    jobs = workflow["jobs"]
    assert {name for name, job in jobs.items() if "id-token" in job["permissions"]} == {"publish"}
    assert jobs["publish"]["permissions"] == {"id-token": "write"}
    assert set(jobs["publish"]["needs"]) == {"test", "build"}
    assert all("run" not in step for step in jobs["publish"]["steps"])
    assert "secrets." not in str(workflow)
    assert all(step["with"]["persist-credentials"] is False for step in steps(workflow) if "checkout@" in str(step))


def test_what_is_published_is_tested_built_checked_and_audited(workflow: Any) -> None:
    commands = "\n".join(step.get("run", "") for step in steps(workflow))
    for command in ("scripts/test.py", "scripts/audit.py", "-m build", "twine check --strict", "--require-hashes"):
        assert command in commands


def requirements() -> dict[str, list[str]]:
    """Names with their hashes."""
    found: dict[str, list[str]] = {}
    for entry in re.split(r"^(?=[a-z])", REQUIREMENTS.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        line, *hashes = (part.strip(" \\") for part in entry.strip().splitlines())
        requirement = Requirement(line)
        (pinned,) = requirement.specifier
        assert pinned.operator == "=="
        assert requirement.url is None
        found.setdefault(canonicalize_name(requirement.name), []).extend(hashes)
    return found


def test_every_requirement_has_hashes() -> None:
    for name, hashes in requirements().items():
        assert hashes, name
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", one) for one in hashes), name


def test_all_that_development_takes_is_there_but_pytorch() -> None:
    described = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    project, groups = described["project"], described["dependency-groups"]
    wanted = [
        *project["dependencies"],
        *(text for extra in project["optional-dependencies"].values() for text in extra),
    ]
    wanted += [text for group in groups.values() for text in group if isinstance(text, str)]
    names = {canonicalize_name(Requirement(text).name) for text in wanted}
    assert names - requirements().keys() == {PYTORCH}
    assert not [name for name in requirements() if name.startswith(("nvidia-", "cuda-", "triton"))]


def test_no_host_is_named() -> None:
    text = REQUIREMENTS.read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"^\s*--(?!hash=)", text, re.MULTILINE)


def test_the_lock_leaves_pytorch_out() -> None:
    names = ("tom", "torch", "nvidia-x-cu13", "tqdm")
    entries = {name: f"{name}==1 \\\n    --hash=a \\\n    --hash=b\n" for name in names}
    text = "".join(entries.values())
    assert lock.without_torch(text) == entries["tom"] + entries["tqdm"]


HARMLESS = {"name": "a", "version": "1", "vulns": []}
SKIPPED = {"name": "b", "skip_reason": "not found"}
VULNERABLE = {
    "name": "c",
    "version": "2",
    "vulns": [{"id": "CVE-1", "fix_versions": ["3"]}, {"id": "CVE-2", "fix_versions": []}],
}


@pytest.mark.parametrize(
    ("dependencies", "problems"),
    [
        ([HARMLESS, SKIPPED], []),
        ([HARMLESS, VULNERABLE], ["c 2: CVE-1, fixed in 3", "c 2: CVE-2, fixed in no release"]),
        ([SKIPPED, SKIPPED], ["none of 2 packages could be audited: is there an internet connection?"]),
        ([], ["none of 0 packages could be audited: is there an internet connection?"]),
    ],
)
def test_an_audit_that_looked_into_nothing_is_a_problem(dependencies: list[Any], problems: list[str]) -> None:
    assert audit.vulnerabilities({"dependencies": dependencies}) == problems


@pytest.mark.parametrize("program", ["print('[', end='')", "import sys; sys.exit('no connection')"])
def test_an_audit_that_fails_is_a_problem(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, program: str) -> None:
    (tmp_path / "pip_audit.py").write_text(program)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["audit.py"])
    assert audit.main(["vulnerabilities"]) == 1


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True),
        ("MIT OR GPL-3.0-only", True),
        ("MIT AND GPL-3.0-only", False),
        ("BSD-2-Clause AND Apache-2.0 WITH LLVM-exception", True),
        ("(MIT OR GPL-3.0-only) AND ISC", True),
        ("(MIT AND GPL-3.0-only) OR AGPL-3.0-only", False),
        ("GPL-2.0-only WITH LLVM-exception", False),
        ("", False),
        ("see the file", False),
    ],
)
def test_licences_by_their_expression(expression: str, allowed: bool) -> None:
    assert audit.is_allowed(expression) is allowed


class Package:
    """As much of an installed package as is looked at."""

    def __init__(self, name: str, expression: str = "", licence: str = "", classifiers: tuple[str, ...] = ()) -> None:
        self.name = name
        self.metadata = self
        named = [f"License :: OSI Approved :: {text}" for text in classifiers]
        self._fields = {
            "License-Expression": [expression] if expression else None,
            "License": [licence] if licence else None,
            "Classifier": ["Programming Language :: Python", *named],
        }

    def get_all(self, field: str) -> list[str] | None:
        return self._fields[field]


@pytest.mark.parametrize(
    ("package", "licence"),
    [
        (Package("a", "MIT AND ISC", "something else"), "MIT AND ISC"),
        (Package("a", licence="BSD-2-Clause", classifiers=("BSD License",)), "BSD-2-Clause"),
        (Package("a", licence="line one\nline two", classifiers=("MIT License",)), "MIT"),
        (Package("a", classifiers=("Apache Software License", "MIT License")), "Apache-2.0 AND MIT"),
        (Package("a", licence="Our own terms", classifiers=("MIT License",)), "MIT"),
        (Package("a", licence="Our own terms"), "Our own terms"),
        (Package("a"), ""),
        (Package("InsightFace"), "MIT"),
    ],
)
def test_licences_as_packages_name_them(package: Package, licence: str) -> None:
    assert audit.licence_of(package) == licence


def test_unknown_licences_are_problems() -> None:
    assert audit.licence_problems({"b": "", "a": "Our own terms", "c": "MIT"}) == [
        "a: Our own terms is not allowed",
        "b: its metadata name no licence",
    ]
    assert audit.licence_problems({}) == ["facefusion-cli is not installed: there is nothing to look into."]


def test_what_is_installed_here_is_allowed(capsys: pytest.CaptureFixture[str]) -> None:
    names = {canonicalize_name(package.name) for package in audit.installed()}
    assert {"facefusion-cli", "numpy", "torch", "llvmlite", "starlette"} <= names
    assert audit.main(["licences"]) == 0
