"""The engine that runs inswapper_128."""
