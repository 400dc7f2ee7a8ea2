"""The rules that ship: one file each, and what several of them share."""
