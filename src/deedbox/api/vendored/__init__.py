"""Files of others that the API's pages need; `vendor.json` says whose they are."""
