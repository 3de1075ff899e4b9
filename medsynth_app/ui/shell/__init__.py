"""The frame of the window: rail, tool bar, commands, status bar, jobs drawer."""
