"""Fine-tuning detectors without making them forget."""
