"""The rules of claiming and owning devices, free of input and output."""
