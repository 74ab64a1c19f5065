"""What a study is: the tables of models, datasets and protocols, its configuration, and the runs they span.

The controller (Snakefile, ``rules/common.smk``) imports this package and parses every table once; jobs get
resolved rows. Nothing here is heavier than pandas.
"""
