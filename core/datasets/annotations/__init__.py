"""Labels, splits, tags and boxes of images from annotation files: one module for each format."""
