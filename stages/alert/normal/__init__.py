"""What is normal on one camera, learned from its own footage: features, how usual they are, and a score."""
