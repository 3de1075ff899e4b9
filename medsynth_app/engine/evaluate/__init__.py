"""What studies need of model libraries: drawing, judges, encoders, and the job that runs a study. In workers only."""
