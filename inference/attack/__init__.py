"""`hornbook attack`: how right a finished run's model stays when its inputs are changed a little, on purpose."""
