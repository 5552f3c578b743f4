"""What sessions cost: rules in the notation of the domain, OCPI's worked numbers, and properties."""
