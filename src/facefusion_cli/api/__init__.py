"""The HTTP service of ``facefusion serve``: routes, limits and a queue around the same core calls as the command."""
