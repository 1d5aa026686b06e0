"""``python -m facefusion_cli`` is the command ``facefusion``."""

import sys

from facefusion_cli.cli import main

if __name__ == "__main__":
    sys.exit(main())
