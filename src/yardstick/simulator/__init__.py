"""A small made-up property company whose files go through the same door as a real one's.

Nothing imports it but the demo, the benchmarks and the tests.
"""

from yardstick.simulator.company import FIRST_MONTH, SimulatedCompany, simulate

__all__ = ["FIRST_MONTH", "SimulatedCompany", "simulate"]
