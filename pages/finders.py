"""The address of the Data quality page in release 0.1.0; `Home.py` redirects from it."""

from state import session

session.enter_page()
