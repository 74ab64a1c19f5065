"""A regular package, since mmsegmentation installs one of this name, which would be found before a folder."""
