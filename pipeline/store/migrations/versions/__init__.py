"""One file for each number of the schema. What they import, they import when they run."""
