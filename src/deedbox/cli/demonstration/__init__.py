"""What `deedbox demo` is made of: a real server process, a tenant with customers, and simulated devices."""
