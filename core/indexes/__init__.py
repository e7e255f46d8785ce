"""Vector indexes: FAISS on disk or a Milvus server."""
