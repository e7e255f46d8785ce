"""Parts of the Indexes page."""
