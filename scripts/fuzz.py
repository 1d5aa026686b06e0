"""Feed damaged files and absurd words to everything that takes some from outside, for as long as wanted.

Whatever comes must end in a result or in an error with a sentence, within a minute and with bounded memory; nothing
else may come of it, least of all the end of the process. Usage, in the active environment:

    python scripts/fuzz.py --minutes 10 [--entry picture] [--seed 3]
    python scripts/fuzz.py --entry picture --case fuzz-failures/picture-0123456789.jpg

The same seed makes the same cases, as long as the libraries that make the files are the same. Each failure is saved, of
those that are alike the first, and can be fed again by itself.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from _fuzz_entries import ENTRIES, make_seeds
from _fuzz_runner import SECONDS, Runner

if TYPE_CHECKING:
    from collections.abc import Sequence

    from _fuzz_runner import Outcome

_FAILURES = Path("fuzz-failures")


@dataclass
class _Tally:
    """What became of the cases of one entry."""

    seconds: float = 0.0
    outcomes: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    """By what they have in common."""
    memory: int = 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Fuzz, and return 1 if anything failed."""
    parser = argparse.ArgumentParser(description="Feed damaged files and absurd words to everything that takes some.")
    parser.add_argument("--minutes", type=float, default=5.0, help="how long, in all (5)")
    parser.add_argument("--entry", choices=[*ENTRIES], action="append", help="only this one; may be given again")
    parser.add_argument("--seed", type=int, default=0, help="makes other cases (0)")
    parser.add_argument("--case", type=Path, metavar="FILE", help="feed this file to the entry, and nothing else")
    options = parser.parse_args(arguments)
    names = options.entry or [*ENTRIES]
    if options.case is not None and len(names) != 1:
        parser.error("--case needs the --entry that the file is for")
    with tempfile.TemporaryDirectory(prefix="facefusion-fuzz-") as folder:
        seeds = Path(folder, "seeds")
        make_seeds(seeds)
        work = Path(folder, "work")
        work.mkdir()
        (seeds / "files").rename(work / "files")
        with Runner(work, SECONDS) as runner:
            if options.case is not None:
                outcome = runner.run(names[0], options.case.read_bytes(), options.case.suffix)
                print(f"{outcome.kind}: {outcome.words}")
                return int(outcome.kind == "failed")
            return _fuzz(runner, seeds, names, options.seed, 60 * options.minutes)


def _fuzz(runner: Runner, seeds: Path, names: Sequence[str], seed: int, seconds: float) -> int:
    tallies = {name: _Tally() for name in names}
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        # Shares of the time, not of the number of cases.
        name = min(names, key=lambda one: tallies[one].seconds / ENTRIES[one].share)
        tally = tallies[name]
        key = f"{seed}/{name}/{tally.outcomes.total()}"
        content, suffix = ENTRIES[name].case(seeds, key)
        start = time.monotonic()
        outcome = runner.run(name, content, suffix)
        tally.seconds += time.monotonic() - start
        tally.outcomes[outcome.kind] += 1
        tally.memory = max(tally.memory, outcome.memory)
        if outcome.kind == "failed":
            tally.failures[outcome.where] += 1
            if tally.failures[outcome.where] == 1:
                _report(name, key, content, suffix, outcome)
    print(f"\n{'entry':12}{'cases':>8}{'results':>9}{'refused':>9}{'failed':>8}{'kinds':>7}{'seconds':>9}{'MB':>7}")
    for name, tally in tallies.items():
        counts = (tally.outcomes.total(), *(tally.outcomes[kind] for kind in ("result", "refused", "failed")))
        cells = "".join(f"{count:{width}}" for count, width in zip(counts, (8, 9, 9, 8), strict=True))
        print(f"{name:12}{cells}{len(tally.failures):7}{tally.seconds:9.1f}{tally.memory / 2**20:7.0f}")
    return int(any(tally.failures for tally in tallies.values()))


def _report(name: str, key: str, content: bytes, suffix: str, outcome: Outcome) -> None:
    _FAILURES.mkdir(exist_ok=True)
    digest = hashlib.sha256(content).hexdigest()[:10]
    saved = _FAILURES / f"{name}-{digest}{suffix}"
    saved.write_bytes(content)
    print(f"\n{name}, case {key}: {outcome.where}\n{outcome.words.rstrip()}")
    print(f"again: python scripts/fuzz.py --entry {name} --case {saved}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
