"""Fifth station of the flow: a measurement, limits, waivers and what was accepted -> verdicts."""
