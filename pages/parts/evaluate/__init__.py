"""Parts of the Evaluate page: form, header, tabs and report."""
