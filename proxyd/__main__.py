"""``python -m proxyd``: the command."""

from proxyd.cli import main

if __name__ == "__main__":
    main()
