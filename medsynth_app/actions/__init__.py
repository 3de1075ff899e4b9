"""What a person can do, one file per intent: the table of contents of the application. Free of Qt."""
