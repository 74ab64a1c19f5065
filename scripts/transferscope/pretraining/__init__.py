"""Pretraining: how a backbone is made, without labels but for what methods are compared with.

A method is a module here with one class that derives from ``method.Method``; it is found by the module's
name, which sources in the models table and the configuration write. ``training`` trains any of them.
"""
