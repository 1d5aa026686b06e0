"""Following faces through a video."""
