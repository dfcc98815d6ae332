"""`python -m rowhouse` is the command `rowhouse`."""

import sys

from rowhouse.cli import main

sys.exit(main())
