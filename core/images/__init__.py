"""Images: decoding, failures, cropping, thumbnails and perceptual hashes."""
