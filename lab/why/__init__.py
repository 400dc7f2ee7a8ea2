"""Why an event was raised: its record read again, in words, as a picture and as a page."""
