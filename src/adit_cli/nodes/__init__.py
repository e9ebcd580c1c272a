"""Talk to the things images come from and go to."""
