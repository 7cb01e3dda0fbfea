"""`python -m tracker.cli` is `steplog`, for where the script isn't on PATH."""

from tracker.cli import main

if __name__ == "__main__":
    main()
