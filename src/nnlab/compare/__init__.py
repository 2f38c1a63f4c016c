"""Fair comparisons: which variant of an experiment is better, by how much, and how sure that is."""
