"""Where files come from (addresses, packages, local paths): fetched, checked, unpacked safely."""
