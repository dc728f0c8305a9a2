"""A config made visible: as a table, as a picture of its graph, and as what tells it from another."""
