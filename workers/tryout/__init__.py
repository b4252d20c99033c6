"""Trying a script at a maintainer's own desk: on saved pages, and at a portal with a login of her own. No vault, no broker."""
