"""Proves who somebody is: passwords, sign-in tokens, and the key file that protects stored secrets."""
