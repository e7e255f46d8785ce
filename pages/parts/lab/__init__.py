"""The parts of the Indexes page."""
