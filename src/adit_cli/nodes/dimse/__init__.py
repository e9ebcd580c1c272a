"""The DIMSE data plane: associations over blocking sockets."""
