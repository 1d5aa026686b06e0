"""Swap faces in pictures and make faces speak."""

__version__ = "0.1.0.dev0"
