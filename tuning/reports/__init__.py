"""What a search leaves to look at: trials.csv, progress, importance, report.html."""
