"""Put Swagger UI, which serves the page /docs, into the package: files of one release that are known by their SHA-256.

Usage: python scripts/fetch_swagger_ui.py [--check]

The release is fetched with npm, as it is published, and nothing is changed in its files. ``--check`` fetches nothing
and says whether the files in the tree are those. For a newer release set VERSION here, in
``src/facefusion_cli/api/docs.py`` and in the NOTICE, run this, look at what changed upstream, and put the sums it names
into FILES.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

__all__ = ["FILES", "FOLDER", "VERSION", "differing"]

VERSION = "5.35.0"
FILES = {
    "swagger-ui-bundle.js": "e6a898692f2d768e807c3ba4626068a69a2c5dd960dd6c76f3e4d3a3de180af2",
    "swagger-ui-bundle.js.LICENSE.txt": "37eb6e7e59aed57b2c1acf076574b818ea07b74265717e0bd67b59e0baf9abbb",
    "swagger-ui.css": "5ed08757e53da3e026d6cbecc61fe5d43585c9560b302d534ad56692519a273d",
    "favicon-32x32.png": "3ed612f41e050ca5e7000cad6f1cbe7e7da39f65fca99c02e99e6591056e5837",
}
FOLDER = Path(__file__).resolve().parent.parent / "src" / "facefusion_cli" / "api" / "assets"


def differing(folder: Path) -> dict[str, str]:
    """The files of ``FILES`` that are not in the folder as they should be, with the sums they have ("" if missing)."""
    sums = {name: _sha256(folder / name) for name in FILES}
    return {name: found for name, found in sums.items() if found != FILES[name]}


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def _fetch(folder: Path) -> None:
    """Unpack those files of the published release into a folder."""
    fetch = ["npm", "pack", "--silent", f"swagger-ui-dist@{VERSION}"]
    try:
        subprocess.run(fetch, cwd=folder, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise SystemExit(f"error: npm could not fetch swagger-ui-dist {VERSION} ({error}).") from error
    (archive,) = folder.glob("*.tgz")
    with tarfile.open(archive) as members:
        for name in FILES:
            content = members.extractfile(f"package/{name}")
            if content is None:
                raise SystemExit(f"error: swagger-ui-dist {VERSION} holds no file {name}.")
            (folder / name).write_bytes(content.read())


def main() -> int:
    """Fetch the files, or check them."""
    parser = argparse.ArgumentParser(description="Put Swagger UI into the package.")
    parser.add_argument("--check", action="store_true", help="fetch nothing; exit code 1 if a file is another")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = FOLDER if options.check else Path(name)
        if not options.check:
            _fetch(folder)
        wrong = differing(folder)
        for file, found in wrong.items():
            print(f"{file}: SHA-256 is {found or '(no such file)'}, expected {FILES[file]}")
        if not wrong and not options.check:
            FOLDER.mkdir(exist_ok=True)
            for file in FILES:
                (FOLDER / file).write_bytes((folder / file).read_bytes())
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
