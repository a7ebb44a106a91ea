"""``python -m zoo``, as launchers of several processes start it."""

from zoo.cli import main

if __name__ == "__main__":
    main()
