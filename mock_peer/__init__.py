"""A peer that was written apart from the engine and never imports it, so that it cannot share its mistakes."""
