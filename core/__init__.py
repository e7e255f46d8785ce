"""Image retrieval without a browser: no streamlit, no threads of its own, no printing."""

import os

__version__ = "0.2.0"

# Before torch is imported: its threads would spin while they wait for each other, which took three
# quarters of the processor's time as soon as images were decoded or anything else ran besides
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# Also before torch is imported: makes MKL's results independent of the number of threads, so Ray's
# workers compute the same embeddings as the local engine. Guaranteed on Intel processors only
# (oneMKL's developer guide, "Obtaining Numerically Reproducible Results").
os.environ.setdefault("MKL_CBWR", "AUTO,STRICT")
