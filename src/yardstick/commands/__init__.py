"""Groups of the command line, one module each; ``yardstick.cli`` assembles them."""
