"""A BitTorrent engine whose whole swarm also runs deterministically in simulation."""
