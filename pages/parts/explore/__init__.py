"""Parts of the Explore page: map, controls, selection, comparison, training history."""
