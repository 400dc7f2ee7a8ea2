"""What in a picture a detection or a classification rests on, and a test of whether the answer can be believed."""
