"""Pictures, videos and sound in, results out, safely."""
