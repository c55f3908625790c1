"""All settings: of training, of the network, of its mask, and of how a run is carried out."""
