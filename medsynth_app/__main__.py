"""``python -m medsynth_app``: the command line, which opens the window when nothing else is asked."""

from __future__ import annotations

from medsynth_app.cli import main

if __name__ == "__main__":
    main()
