"""Saliency: which parts of a picture do a backbone's features depend on?"""
