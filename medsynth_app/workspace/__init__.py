"""The workspace: a folder with a SQLite database and content-addressed files. See `workspace.Workspace`."""
