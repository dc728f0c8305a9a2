"""The config language: the lossless text, its variables, its layer dictionary, and the way to a Graph and back."""
