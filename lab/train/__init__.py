"""Teaching networks: detectors, classifiers and behaviour models, each from one YAML file."""
