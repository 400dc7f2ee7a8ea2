"""Teaching a model what happens over time: features of each picture, then a small network over the window."""
