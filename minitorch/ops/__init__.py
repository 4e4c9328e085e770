"""Every op of the library, each below its derivatives: one module per family."""
