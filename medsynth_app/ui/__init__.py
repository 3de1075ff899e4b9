"""The window: Qt widgets over the session. Imports neither torch nor (outside viewer/) napari."""
