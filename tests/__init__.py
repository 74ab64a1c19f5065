"""A package, since one of the dependencies installs another of this name."""
