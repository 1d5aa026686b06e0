"""The whole examination, part by part."""

from __future__ import annotations

from traceback import walk_tb
from types import ModuleType
from typing import TYPE_CHECKING

from facefusion_cli.core.device import Device, select_device
from facefusion_cli.core.diagnosis.report import Fact, Section
from facefusion_cli.core.failures import first_line
from facefusion_cli.core.home import models_folder
from facefusion_cli.errors import DeviceError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from facefusion_cli.core.device import PrecisionWish
    from facefusion_cli.core.weights.store import Store

__all__ = ["examine"]


def examine(
    device: str | None = None,
    precision: PrecisionWish = "auto",
    threads: int | None = None,
    models: Path | None = None,
) -> Iterator[Section]:
    """Look at everything that the command stands on; one section after another, as each takes its time.

    A device that was asked for and does not work is a problem in the report. So is a library that is missing or
    broken, or a folder that is not known; a section that cannot do without it says so.

    Raises:
        UsageError: no such device, precision or number of threads can be.
    """
    chosen: Device | DeviceError
    try:
        chosen = select_device(device, precision, threads)
    except DeviceError as error:
        chosen = error
    examination = _Examination(chosen, models)
    variables = _facts(examination.environment)  # before libraries that are loaded set some of their own
    for key, title, part in (
        ("versions", "Versions", examination.libraries),
        ("devices", "Devices", examination.devices),
        ("embedded", "Embedded networks", examination.embedded),
        ("ffmpeg", "ffmpeg", examination.ffmpeg),
        ("weights", "Weights", examination.weights),
        ("networks", "Stored networks", examination.networks),
        ("engines", "Engines for faceswap", examination.engines),
        ("disk", "Free disk space", examination.disks),
        ("paths", "Paths", examination.paths),
    ):
        yield Section(key, title, _facts(part))
    yield Section("environment", "Environment", variables)


def _facts(part: Callable[[], list[Fact]]) -> tuple[Fact, ...]:
    try:
        return tuple(part())
    except UsageError as error:  # a folder that cannot be told
        return (Fact.problem("folder", error),)
    except Exception as error:
        library = _library_at_fault(error)
        if not library:
            raise
        sentence = f"{library} does not work: {first_line(error)}."
        return (Fact("left out", sentence, "note", hint="See the problems above."),)


def _library_at_fault(error: Exception) -> str:
    """The library that is missing, or broken so that it cannot be imported; "" where it is our own code.

    A broken one may raise anything as it is imported: OSError where the system cannot load what it is made of. Of two
    packages installed over each other one removed leaves a shell behind, a module without its names.
    """
    for frame, _ in walk_tb(error.__traceback__):
        if frame.f_code.co_name == "<module>" and (library := _outermost(frame.f_globals.get("__name__"))):
            return library
    if isinstance(error, AttributeError) and isinstance(error.obj, ModuleType):
        return _outermost(error.obj.__name__)
    return _outermost(error.name) if isinstance(error, ImportError) else ""


def _outermost(module: str | None) -> str:
    package = (module or "").partition(".")[0]
    return "" if package == "facefusion_cli" else package


class _Examination:
    """Each part imports what it needs itself, so that what is missing is missed there only."""

    def __init__(self, chosen: Device | DeviceError, models: Path | None) -> None:
        self._chosen = chosen
        self._models = models

    def libraries(self) -> list[Fact]:
        from facefusion_cli.core.diagnosis.libraries import libraries

        return libraries()

    def devices(self) -> list[Fact]:
        from facefusion_cli.core.diagnosis.devices import devices

        return devices(self._chosen)

    def embedded(self) -> list[Fact]:
        from facefusion_cli.core.diagnosis.networks import embedded_networks

        return embedded_networks()

    def ffmpeg(self) -> list[Fact]:
        from facefusion_cli.core.diagnosis.programs import ffmpeg

        return ffmpeg()

    def weights(self) -> list[Fact]:
        from facefusion_cli.core.diagnosis.storage import weights

        return weights(self._store())

    def networks(self) -> list[Fact]:
        from facefusion_cli.core.diagnosis.networks import stored_networks

        return stored_networks(self._store(), self._chosen if isinstance(self._chosen, Device) else None)

    def engines(self) -> list[Fact]:
        from facefusion_cli.core.diagnosis.storage import engines

        return engines(self._store())

    def disks(self) -> list[Fact]:
        from facefusion_cli.core.diagnosis.storage import disks

        return disks(self._store())

    def paths(self) -> list[Fact]:
        from facefusion_cli.core.diagnosis.storage import paths

        return paths(self._store())

    def environment(self) -> list[Fact]:
        from facefusion_cli.core.diagnosis.environment import environment

        return environment()

    def _store(self) -> Store:
        from facefusion_cli.core.weights.catalog import catalog
        from facefusion_cli.core.weights.store import Store

        return Store(models_folder(self._models), catalog())
