"""What jobs ask of a cluster and what became of them: sizes, SLURM, progress, costs."""
