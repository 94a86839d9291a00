"""The pages that people see: claiming and their devices. Templates and plain ES modules, no build step."""
