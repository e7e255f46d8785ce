"""Image retrieval without a browser: no streamlit, no threads of its own, no printing."""

__version__ = "0.2.0"
