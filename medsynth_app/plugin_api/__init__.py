"""Small protocols for plug-ins, which are found by the entry points of their packages."""
