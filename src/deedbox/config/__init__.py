"""Settings: composed of what each part declares; an unknown or ill-typed one refuses to start."""
