"""Live values over WebSockets: `/api/ws`, and the address that older clients know."""
