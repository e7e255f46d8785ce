"""Downloads over HTTP, and images in object storage or on web servers."""
