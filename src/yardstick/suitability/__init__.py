"""Whether the standards are suitable: told from a year of inspections, with the inspectors that judge unlike the others."""
