"""``python -m isoclr`` is the command line; ``torchrun -m isoclr pretrain`` starts it on every rank."""

import sys

from isoclr.cli import main

if __name__ == "__main__":
    sys.exit(main())
