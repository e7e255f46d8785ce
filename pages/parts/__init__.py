"""Pieces of page that several pages share. Not pages themselves."""
