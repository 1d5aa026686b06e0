"""The embedded engine: the mouth that is there, moved with the mesh."""
