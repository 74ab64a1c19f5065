"""Reconstruction: what of a picture can be seen again from a backbone's features?"""
