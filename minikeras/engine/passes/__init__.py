"""Graph passes: pure functions Graph -> Graph, one file each."""
