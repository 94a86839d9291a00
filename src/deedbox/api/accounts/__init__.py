"""REST of accounts beyond users and sign-in."""
