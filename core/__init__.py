"""The product without a browser: no streamlit, no threads of its own, no printing."""
