"""`hornbook evaluate --corruptions`: how right a finished run's model stays when its inputs become worse by chance."""
