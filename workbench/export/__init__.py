"""Out of the workbench: the original in the formats that other programs read."""
