"""The kinds of job, one file each: what is asked, where it runs, what comes back."""
