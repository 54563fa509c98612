"""A finished run made smaller: networks with fewer channels, files with fewer bits, and which of them to take."""
