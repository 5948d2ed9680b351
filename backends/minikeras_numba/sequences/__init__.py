"""What runs in sequence: recurrent layers, chains of nodes, loops."""
