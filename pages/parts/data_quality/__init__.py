"""Parts of the Data quality page: analysis form, checks, image details."""
