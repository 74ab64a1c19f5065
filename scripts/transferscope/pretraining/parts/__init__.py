"""What methods are made of: views of an image, moving averages of networks, clusters, the package lightly."""
