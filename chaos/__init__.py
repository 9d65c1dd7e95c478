"""The chaos suite: production's processes, faults, and what must hold all the same (docs/chaos.md)."""
