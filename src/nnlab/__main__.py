"""`python -m nnlab` is the same as the `nnlab` command."""

from nnlab.cli import main

if __name__ == "__main__":
    main()
