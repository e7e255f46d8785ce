"""Labels for unlabeled images, proposed from the labeled ones."""
