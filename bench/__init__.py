"""What the engine costs beside other clients, measured in interleaved rounds. `python -m bench --help`; docs/performance.md."""
