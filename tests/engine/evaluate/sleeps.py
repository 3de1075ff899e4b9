"""A process that would not end by itself for long."""

import time

time.sleep(600)
