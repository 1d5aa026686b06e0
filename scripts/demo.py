"""Swap the faces of two public-domain portraits, both ways, with the real command, into ``demo-results``.

Usage: python scripts/demo.py
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import _environment

RESULTS = _environment.ROOT / "demo-results"

# Found by install folder: importing matplotlib and scikit-image would take seconds.
FIND_PORTRAITS = """
from importlib.util import find_spec
from pathlib import Path
for package, *parts in (("skimage", "data", "astronaut.png"),
                        ("matplotlib", "mpl-data", "sample_data", "grace_hopper.jpg")):
    print(Path(find_spec(package).origin).parent.joinpath(*parts))
"""


def main() -> int:
    """Install, swap, print where the pictures are."""
    _environment.prepare("demo")
    found = subprocess.run(
        [str(_environment.PYTHON), "-X", "utf8", "-c", FIND_PORTRAITS],
        check=True,
        capture_output=True,
        encoding="utf-8",
    )
    astronaut, hopper = map(Path, found.stdout.splitlines())
    RESULTS.mkdir(exist_ok=True)
    results = [
        _swap(source=astronaut, target=hopper, result=RESULTS / "hopper_with_the_face_of_astronaut.jpg"),
        _swap(source=hopper, target=astronaut, result=RESULTS / "astronaut_with_the_face_of_hopper.png"),
    ]
    _environment.say("\nThe swapped portraits:")
    for result in results:
        _environment.say(f"  {result}")
    return 0


def _swap(*, source: Path, target: Path, result: Path) -> Path:
    arguments = ["faceswap", str(source), str(target), "--output", str(result)]
    _environment.say(f"\n$ facefusion {subprocess.list2cmdline(arguments)}")
    code = subprocess.run([str(_environment.command("facefusion")), *arguments], check=False).returncode
    if code != 0:
        raise SystemExit(f"error: the swap failed with exit code {code}; the reason stands above.")
    return result


if __name__ == "__main__":
    sys.exit(main())
