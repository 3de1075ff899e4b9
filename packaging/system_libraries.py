"""The system libraries that Qt, OpenGL and the virtual screen need on Linux: found, installed, or named.

As root on Debian or Ubuntu what is missing is installed with apt; everyone else is told the one line to run.
Uses the standard library alone, for it runs before anything is installed.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from pathlib import Path

# What the loader must find, and the Debian package that brings it. Without these no window opens.
LIBRARIES = {
    "libX11-xcb.so.1": "libx11-xcb1",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-glx.so.0": "libxcb-glx0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-shm.so.0": "libxcb-shm0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libOpenGL.so.0": "libopengl0",
    "libGLX_mesa.so.0": "libglx-mesa0",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libgomp.so.1": "libgomp1",
}
DRIVERS = ("/usr/lib*/*/dri/*_dri.so", "/usr/lib*/dri/*_dri.so", "/usr/lib*/*/libgallium*.so",
           "/usr/lib64/libgallium*.so")
FONTS = ("/usr/share/fonts/**/*.[to]tf", "/usr/local/share/fonts/**/*.[to]tf")
SCREEN = "xvfb"  # only tests, and the demo where there is no display, need it


def missing_packages() -> list[str]:
    """Debian packages for everything that is missing here, in a fixed order."""
    packages = [package for library, package in LIBRARIES.items() if not _loads(library)]
    if not _exists(DRIVERS):
        packages.append("libgl1-mesa-dri")
    if not _exists(FONTS):
        packages.append("fonts-dejavu-core")
    if shutil.which("Xvfb") is None:
        packages.append(SCREEN)
    return list(dict.fromkeys(packages))


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _exists(patterns: tuple[str, ...]) -> bool:
    return any(next(Path("/").glob(pattern.lstrip("/")), None) for pattern in patterns)


def is_debian(release: str = "/etc/os-release") -> bool:
    """Whether this is Debian, Ubuntu or one of their children."""
    path = Path(release)
    if not path.exists() or shutil.which("apt-get") is None:
        return False
    values = dict(line.split("=", 1) for line in path.read_text().splitlines() if "=" in line)
    names = (values.get("ID", "") + " " + values.get("ID_LIKE", "")).replace('"', "").split()
    return bool({"debian", "ubuntu"} & set(names))


def apt_line(packages: list[str]) -> list[str]:
    return ["apt-get", "install", "-y", "--no-install-recommends", *packages]


def install(packages: list[str]) -> bool:
    """Install with apt; the package lists are fetched only when the first try fails."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}

    def run(line: list[str]) -> bool:
        return subprocess.run(line, env=environment, stdin=subprocess.DEVNULL, check=False).returncode == 0

    return run(apt_line(packages)) or (run(["apt-get", "update"]) and run(apt_line(packages)))


def main() -> int:
    if sys.platform != "linux":
        return 0
    missing = missing_packages()
    if missing and is_debian() and os.geteuid() == 0:
        print("Installing system libraries: " + " ".join(missing), file=sys.stderr)
        if install(missing):
            missing = missing_packages()
    if not missing:
        return 0
    line = "sudo " + " ".join(apt_line(missing))
    if missing == [SCREEN]:
        print("Tests, and the demo without a display, need a virtual screen: " + line, file=sys.stderr)
        return 0
    if is_debian():
        print("System libraries for the window are missing. Run this line, then the same command again:\n  " + line,
              file=sys.stderr)
    else:
        print("System libraries for the window are missing. "
              "Install what your distribution calls these Debian packages:\n  " + " ".join(missing), file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
