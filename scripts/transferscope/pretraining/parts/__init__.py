"""What several methods share: two views of an image, moving averages of networks, the package lightly."""
