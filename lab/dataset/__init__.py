"""Annotated pictures: collecting, importing, labelling, checking and exporting them."""
