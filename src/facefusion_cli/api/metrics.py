"""Counts and durations for Prometheus: of requests, kept here, and of the work, as the service counts it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, SummaryMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import Metric

    from facefusion_cli.api.work.service import Service

__all__ = ["CONTENT_TYPE", "Metrics"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900)


class Metrics:
    """All metrics of one service."""

    def __init__(self, service: Service) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Work(service))
        self._requests = Counter(
            "facefusion_requests", "Requests answered.", ("method", "route", "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "facefusion_request_seconds",
            "From the head of a request to the end of its answer.",
            ("route",),
            buckets=_SECONDS,
            registry=self._registry,
        )

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """One more request."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def text(self) -> bytes:
        """All of them, in the format of ``CONTENT_TYPE``."""
        return generate_latest(self._registry)


class _Work(Collector):
    """What the service counts, read when it is asked for."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def describe(self) -> Iterator[Metric]:
        """Nothing: names are looked at when the numbers are."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """The numbers of this moment."""
        stats, readiness = self._service.stats(), self._service.readiness
        for name, about, value in (
            ("queued", "Jobs that wait.", stats.queued),
            ("running", "Jobs that are being done.", stats.running),
            ("reserved", "Places in the queue that wait for their uploads.", stats.reserved),
            ("capacity", "Places there are for jobs.", stats.capacity),
            ("kept", "Finished jobs that can be asked for.", stats.kept),
            ("workers", "Workers there should be.", stats.workers),
            ("workers_ready", "Workers that can work.", stats.workers_ready),
            ("ready", "1 if work can be done.", int(readiness.ready)),
        ):
            yield GaugeMetricFamily(f"facefusion_{name}", about, value=value)
        yield CounterMetricFamily("facefusion_worker_restarts", "Workers started again.", value=stats.restarts)
        jobs = CounterMetricFamily("facefusion_jobs", "Jobs that ended, by how.", labels=("kind", "outcome"))
        for (kind, outcome), number in stats.jobs.items():
            jobs.add_metric((kind, outcome), number)
        yield jobs
        stages = SummaryMetricFamily("facefusion_stage_seconds", "Spent in each stage.", labels=("kind", "stage"))
        for (kind, stage), summary in stats.stages.items():
            stages.add_metric((kind, stage), summary.count, summary.seconds)
        yield stages
        durations = SummaryMetricFamily("facefusion_job_seconds", "Jobs that were done.", labels=("kind",))
        for kind, summary in stats.durations.items():
            durations.add_metric((kind,), summary.count, summary.seconds)
        yield durations
        weights = GaugeMetricFamily("facefusion_weights", "1 if stored and whole.", labels=("name",))
        for name, whole in stats.weights.items():
            weights.add_metric((name,), int(whole))
        yield weights
        engines = GaugeMetricFamily("facefusion_engine", "The engines that are used.", labels=("kind", "engine"))
        for kind, engine in readiness.engines.items():
            engines.add_metric((kind, engine), 1)
        yield engines
