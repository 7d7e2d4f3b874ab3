"""The processes: master, workers, helper, and how they talk to each other."""
