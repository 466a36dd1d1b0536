"""Sources: what a site system is, and the connectors that fetch what it delivers."""
