"""What is asked of the libraries that read and write files, for the whole process.

Each function is called where its library is first used, never when a module is imported, and may be called again.
"""

from __future__ import annotations

import logging
import warnings


def prepare_pydicom() -> None:
    """Read what is there, valid or not, and say nothing: messages may quote patient names or paths."""
    from pydicom import config

    config.settings.reading_validation_mode = config.IGNORE
    logging.getLogger("pydicom").setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", module=r"pydicom\.")


def prepare_pillow() -> None:
    """No limit of its own on the size of a picture: every reader here asks `check_size` before it decodes."""
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None


def prepare_tifffile() -> None:
    """Say nothing: its messages name files."""
    logging.getLogger("tifffile").setLevel(logging.CRITICAL)


def prepare_simpleitk() -> None:
    """Say nothing: its warnings name files."""
    import SimpleITK

    SimpleITK.ProcessObject.SetGlobalWarningDisplay(False)
