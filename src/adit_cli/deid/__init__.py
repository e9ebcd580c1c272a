"""Change a data set so that it no longer names a patient."""
