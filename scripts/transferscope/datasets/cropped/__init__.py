"""Sets of augmented crops, made from one picture or a few (Asano, Rupprecht and Vedaldi, ICLR 2020).

``sources`` has the pictures, ``geometry`` says where a crop comes from and cuts it out, ``colour`` changes
its colours, ``crop_set`` makes all crops of a set and keeps them in a file. The loader is ``datasets.crops``.
"""
