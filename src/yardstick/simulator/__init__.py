"""A made-up property company, whose systems deliver through the same doors as a real one's.

Nothing imports it but the demo, the benchmarks and the tests.
"""

from yardstick.simulator.company import FIRST_MONTH, SimulatedCompany, simulate
from yardstick.simulator.running import SystemsError, running

__all__ = ["FIRST_MONTH", "SimulatedCompany", "SystemsError", "running", "simulate"]
