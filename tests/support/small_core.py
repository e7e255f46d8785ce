"""The headless command with small networks: `python -m` this module VERB."""

import sys

from core.cli import main
from tests.factories.small_backbones import small_backbones

if __name__ == "__main__":
    with small_backbones():
        sys.exit(main())
