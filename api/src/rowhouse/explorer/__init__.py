"""/: the datasets, as a page to look at them, or as JSON for programs."""
