"""Says in one line what this Python lacks for `make install`. Runs on any Python 3.6+, before anything is installed."""

import sys

NEEDED = (3, 11)


def problem():
    """What is missing, or an empty text."""
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    if sys.version_info < NEEDED:
        return (f"MedSynth needs Python {NEEDED[0]}.{NEEDED[1]} or newer; this is {version}. "
                "Install a newer one and name it: make install PYTHON=python3.12")
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        return ("This Python cannot make virtual environments. On Debian and Ubuntu: "
                f"sudo apt-get install -y python3-venv (or python{version}-venv)")
    return ""


if __name__ == "__main__":
    sys.exit(problem() or 0)
