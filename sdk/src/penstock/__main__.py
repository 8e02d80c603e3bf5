"""`python -m penstock`."""

from penstock.commands.program import main

if __name__ == "__main__":
    main()
