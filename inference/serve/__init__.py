"""A finished run behind HTTP: `hornbook serve RUN`, a JSON API and a page to drop a file on. Needs the extra `serve`."""
