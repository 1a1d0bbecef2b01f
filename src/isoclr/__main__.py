"""``python -m isoclr`` is the command line; ``torchrun -m isoclr pretrain`` starts it on every rank."""

from isoclr.cli import program

if __name__ == "__main__":
    program()
