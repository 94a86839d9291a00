"""What makes Deedbox a well-behaved process: sockets, TLS, signals, health, metrics and logs."""
