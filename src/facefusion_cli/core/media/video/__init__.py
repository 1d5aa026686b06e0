"""Videos in and out, through pipes to ffmpeg."""
