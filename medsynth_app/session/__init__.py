"""Observable state of the window, free of Qt."""
