"""Pictures in, pictures out, safely."""
