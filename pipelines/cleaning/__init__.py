"""Normalising, scoring and deciding: is this pair of texts a good translation pair?"""
