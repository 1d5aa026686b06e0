"""Faces made to speak a soundtrack."""
