"""Scripts that train and compare networks; they use the public names of the packages alone."""
