"""A package of its own, not a namespace: Ciw brings a package of this name, which would come first."""
