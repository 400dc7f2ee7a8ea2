"""What other rules would have raised: tracks that a run stored, fed to the alert stage again, without video."""
