"""Typed settings of this person on this computer: neither paths nor names."""
