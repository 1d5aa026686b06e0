"""Swap the faces of two public-domain portraits, and make one of them speak, with the real command.

The results go into ``demo-results``.

Usage: python scripts/demo.py
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import _environment

RESULTS = _environment.ROOT / "demo-results"

MAKE_VOICE = "import sys, _voice; from pathlib import Path; _voice.write_voice(Path(sys.argv[1]))"
"""It needs numpy, which the environment has."""

# Found by install folder: importing matplotlib and scikit-image would take seconds.
FIND_PORTRAITS = """
from importlib.util import find_spec
from pathlib import Path
for package, *parts in (("skimage", "data", "astronaut.png"),
                        ("matplotlib", "mpl-data", "sample_data", "grace_hopper.jpg")):
    print(Path(find_spec(package).origin).parent.joinpath(*parts))
"""


def main() -> int:
    """Install, swap, speak, print where the results are."""
    _environment.prepare("demo")
    found = subprocess.run(
        [str(_environment.PYTHON), "-X", "utf8", "-c", FIND_PORTRAITS],
        check=True,
        capture_output=True,
        encoding="utf-8",
    )
    astronaut, hopper = map(Path, found.stdout.splitlines())
    RESULTS.mkdir(exist_ok=True)
    voice = RESULTS / "voice.wav"
    make = [str(_environment.PYTHON), "-c", MAKE_VOICE, str(voice)]
    subprocess.run(make, check=True, cwd=_environment.ROOT / "scripts")
    results = [
        _made("faceswap", astronaut, hopper, RESULTS / "hopper_with_the_face_of_astronaut.jpg"),
        _made("faceswap", hopper, astronaut, RESULTS / "astronaut_with_the_face_of_hopper.png"),
        _made("lipsync", astronaut, voice, RESULTS / "astronaut_speaks.mp4"),
    ]
    _environment.say("\nThe swapped portraits, and one that speaks with a synthetic voice:")
    for result in results:
        _environment.say(f"  {result}")
    return 0


def _made(command: str, one: Path, other: Path, result: Path) -> Path:
    arguments = [command, str(one), str(other), "--output", str(result)]
    _environment.say(f"\n$ facefusion {subprocess.list2cmdline(arguments)}")
    code = subprocess.run([str(_environment.command("facefusion")), *arguments], check=False).returncode
    if code != 0:
        raise SystemExit(f"error: {command} failed with exit code {code}; the reason stands above.")
    return result


if __name__ == "__main__":
    sys.exit(main())
