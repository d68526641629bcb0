"""A simulated neighbourhood: CPEs, an OLT, a set-top box and the provider's other systems, with scripted faults.

The rule: one state (`neighbourhood`), and every source is computed from it, so that no two
sources disagree by accident.
"""
