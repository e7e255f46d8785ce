"""Image retrieval without a browser: no streamlit, no threads of its own, no printing."""

import os

__version__ = "0.2.0"

# Before torch is imported: its threads would spin while they wait for each other, which took three
# quarters of the processor's time as soon as images were decoded or anything else ran besides
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# Before torch is imported, too: MKL's products then have the same bits with any number of threads,
# at the same speed, so Ray's workers embed as one process does (oneMKL's developer guide, on
# conditional numerical reproducibility; the strict mode is for Intel's processors)
os.environ.setdefault("MKL_CBWR", "AUTO,STRICT")
