"""From messages to labelled points in the map's frame."""
