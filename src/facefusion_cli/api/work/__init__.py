"""The work of the service: a queue, and processes that do one job after another. Knows nothing of HTTP."""
