"""From the document that the user wrote to a configuration, section by section."""

from pipeline.configuration.sections.cameras import CAMERA_NAME
from pipeline.configuration.sections.reading import TOP, read_sections
from pipeline.configuration.sections.rules import DEFAULT_RULE, PARTS, read_rules
from pipeline.configuration.sections.sections import Sections
from pipeline.configuration.sections.stages import DEFAULT_DETECTOR

__all__ = ["CAMERA_NAME", "DEFAULT_DETECTOR", "DEFAULT_RULE", "PARTS", "TOP", "Sections", "read_rules", "read_sections"]
