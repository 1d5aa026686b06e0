"""The big networks' weights: which there are, where they are stored, how they are fetched."""
