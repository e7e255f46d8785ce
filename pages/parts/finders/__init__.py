"""The parts of the Finders page."""
