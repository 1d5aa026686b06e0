"""What must not be worked on."""
