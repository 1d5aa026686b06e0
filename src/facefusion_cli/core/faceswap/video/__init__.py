"""Faces put into videos."""
