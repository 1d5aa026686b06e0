"""Sound through pipes to ffmpeg."""
