"""The only package that knows every part: opens them, wires them, starts them, stops them in reverse."""
