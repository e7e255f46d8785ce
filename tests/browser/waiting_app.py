"""A page that takes long, for test_waiting.py in this folder."""

import time

import streamlit as st

from pages.parts import waiting

SLOW_S = 8.0

st.set_page_config(layout="wide")
waiting.stand_still()
left, right = st.columns(2)
with left:
    if st.button("Take long"):
        with st.spinner("This takes long…"):
            time.sleep(SLOW_S)
right.markdown("An answer")
