"""Made-up scenes: rooms, the sensor that sees them, labels that err. No running node imports it."""
