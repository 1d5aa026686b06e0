"""What this installation has, and whether it works: facts as plain data, for ``facefusion doctor``."""
