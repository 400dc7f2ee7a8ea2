"""Learning and measuring models of normal."""
