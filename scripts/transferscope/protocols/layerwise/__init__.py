"""Layer by layer: how well a linear probe does on each stage of a frozen backbone.

``taps`` finds the layers, ``grids`` says how their maps become values, ``trunk`` is the network that gives
them; ``cached`` probes values in a file, ``online`` those of augmented pictures, which pass the network again
and again.
"""
