"""The pages that people see in a browser, such as the claim page."""
