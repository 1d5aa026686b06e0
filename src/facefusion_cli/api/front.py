"""What all routes share: the service, its limits, and whether it is about to end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from facefusion_cli.api.work.admission import Draining

if TYPE_CHECKING:
    from facefusion_cli.api.orders import OrderKind
    from facefusion_cli.api.settings import ServeSettings
    from facefusion_cli.api.work.admission import Reservation
    from facefusion_cli.api.work.service import Service

__all__ = ["Front"]


@dataclass(slots=True)
class Front:
    """The side of the service that clients see."""

    settings: ServeSettings
    service: Service
    draining: bool = False
    """No order is taken any more; those that were are still answered."""

    def reserve(self) -> Reservation:
        """A place in the queue.

        Raises:
            NotAdmitted: there is none.
        """
        if self.draining:
            raise Draining
        return self.service.reserve()

    def engine_of(self, kind: OrderKind) -> str:
        """The engine of a route; "none" before the first worker has told it."""
        return self.service.readiness.engines.get(kind, "none")
