"""Where files come from: addresses, packages, local paths; fetched, checked against checksums, unpacked safely."""
