"""Faces: finding them, measuring them, choosing among them."""
