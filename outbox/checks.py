"""System checks: silent misconfiguration, each with a sentence that says how to mend it."""
