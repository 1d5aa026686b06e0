"""Who may come in: places in the queue, and why there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from facefusion_cli.errors import FaceFusionError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

__all__ = ["Draining", "NotAdmitted", "NotReady", "QueueFull", "Reservation"]


class NotAdmitted(FaceFusionError):  # noqa: N818  (as QueueFull and its like, which are no errors of anybody)
    """No order is taken now; each kind is answered with 503."""

    code = "unavailable"
    retry_after = 5
    """Whole seconds after which it is worth while to ask again, at least 1."""


class QueueFull(NotAdmitted):
    """All places are taken."""

    code = "queue-full"

    def __init__(self, retry_after: int) -> None:
        super().__init__("all places in the queue are taken.", hint=f"Try again in {retry_after} s.")
        self.retry_after = retry_after


class NotReady(NotAdmitted):
    """No worker can work: engines are being loaded, weights are missing, the device fails. The message says which."""

    code = "not-ready"


class Draining(NotAdmitted):
    """The service is about to end."""

    code = "shutting-down"

    def __init__(self) -> None:
        super().__init__("the service is shutting down.")


class Reservation:
    """A place in the queue while a body is on its way; a context manager.

    ``Service.submit`` turns it into a job's place; leaving the block or ``release`` gives it back if that did not come.
    """

    def __init__(self, give_back: Callable[[Reservation], None]) -> None:
        self._give_back = give_back
        self.held = True
        """Whether it still is one."""

    def release(self) -> None:
        """Give the place back, if it is still held."""
        if self.held:
            self.held = False
            self._give_back(self)

    def __enter__(self) -> Reservation:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
