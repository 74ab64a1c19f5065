"""How well does a pretrained vision backbone transfer, and to what?"""
