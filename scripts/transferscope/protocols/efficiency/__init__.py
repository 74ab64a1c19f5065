"""Label efficiency: a network finetuned on n labels (Newell and Deng, CVPR 2020).

``subsets`` says which samples are labelled, ``network`` what is trained, ``training`` how. A task is a module
with a function ``task`` that returns a ``tasks.Task``: ``recognition``, ``pose``, ``segmentation`` and
``depth``.
"""
