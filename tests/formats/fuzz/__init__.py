"""Readers under mutated files: no traceback, no death of the process, no hang, bounded memory."""
