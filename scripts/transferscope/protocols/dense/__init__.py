"""Dense prediction: a label for every pixel.

A module that a row of ``config/protocols.tsv`` names has one public function, ``task``, which says what is
predicted, by which network and how it is judged (``tasks.DenseTask``). ``directions`` and ``classes`` are the
parts for surface normals and for classes of pixels; ``training`` does the same work for every task.
"""
