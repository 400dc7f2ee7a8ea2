"""Reports that people read: one HTML file each, charts and pictures inside it, nothing fetched from anywhere."""
