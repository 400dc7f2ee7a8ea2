"""Identities on one camera: detections of single frames become tracks, as a pure function in media time."""
