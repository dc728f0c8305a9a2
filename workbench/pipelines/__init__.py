"""Several networks put to one use. Orchestration only: what a network is and how it is opened comes from outside."""
