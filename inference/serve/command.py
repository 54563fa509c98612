"""`hornbook serve RUN`: a finished run's model behind HTTP, on this machine alone unless told otherwise."""

import dataclasses
import importlib.util
import ipaddress
import os
import socket
from typing import Annotated

import tyro

from hornbook import UserError, command_line, endings, terminal
from hornbook.inference.finished_run import load_model, open_run
from hornbook.inference.serve.guards import Settings

_NEEDED = ("fastapi", "uvicorn", "prometheus_client")
_SHORTEST_TOKEN = 16  # Characters.
_BACKLOG = 2048  # Connections.
_SECONDS_TO_END = 5  # For requests under way when the server is told to end.


@dataclasses.dataclass(frozen=True)
class ServeArgs:
    run: Annotated[str, tyro.conf.Positional]
    """Folder of a finished run."""
    host: str = "127.0.0.1"
    """Address to listen on. Any but this machine's own needs a token: the environment's HORNBOOK_TOKEN, of 16 characters or more, which
    clients send as `Authorization: Bearer TOKEN`."""
    port: int = 8000
    """Port to listen on; 0 for one that is free, which is printed."""
    max_megabytes: float = Settings.max_megabytes
    """The largest body of a request."""
    max_inputs: int = Settings.max_inputs
    """The most inputs of a request, rows of a table among them."""
    max_pixels: int = Settings.max_pixels
    """The most pixels of an image, however small its file is."""
    max_waiting: int = Settings.max_waiting
    """Inputs that may wait for the model; beyond that, requests are refused with 503."""
    seconds: float = Settings.seconds
    """The most that a request may take, its sending included."""
    batch_size: int = Settings.batch_size
    """The most inputs that the model computes at once; those of requests that wait together are taken together."""


def serve(arguments):
    """The command `hornbook serve`: answers until it is interrupted."""
    with endings.ending("hornbook serve"):
        args = command_line.parse(ServeArgs, arguments, "hornbook serve", "Answer HTTP requests with a finished run's model.")
        token = _check(args)
        trained, medium = open_run(args.run)
        model = load_model(trained)
        import uvicorn

        from hornbook.inference.serve import app, computing

        listening = _listen(args.host, args.port)
        made = app.create(computing.Served(trained, medium, model), _settings(args, token))
        # h11 also where httptools is installed: it alone refuses heads without an end.
        config = uvicorn.Config(made, http="h11", log_level="warning", access_log=False, server_header=False, lifespan="on",
                                timeout_graceful_shutdown=_SECONDS_TO_END)  # fmt: skip
        shown = f"[{args.host}]" if ":" in args.host else args.host
        terminal.say(f"serving {args.run} at http://{shown}:{listening.getsockname()[1]}/; interrupt to stop")
        with listening:
            uvicorn.Server(config).run(sockets=[listening])


def _settings(args, token):
    own = {field.name: getattr(args, field.name) for field in dataclasses.fields(Settings) if hasattr(args, field.name)}
    return Settings(**own, token=token, local=_is_local(args.host))


def _check(args):
    """The token, or None; raises UserError for options that cannot be."""
    lacking = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if lacking:
        raise UserError(f"hornbook serve needs {', '.join(lacking)}; pip install 'hornbook[serve]'")
    for name, least, most in (
        ("port", 0, 65535), ("max_megabytes", 1e-6, 1e6), ("max_inputs", 1, 10**6), ("max_pixels", 1, 10**9), ("max_waiting", 1, 10**7),
        ("seconds", 1e-3, 86400), ("batch_size", 1, 10**5),
    ):  # fmt: skip
        if not least <= getattr(args, name) <= most:
            raise UserError(f"--{name.replace('_', '-')} must be from {least:g} to {most:g}, got {getattr(args, name):g}")
    token = os.environ.get("HORNBOOK_TOKEN") or None
    if token is not None and (len(token) < _SHORTEST_TOKEN or not token.isascii() or not token.isprintable() or " " in token):
        raise UserError(f"HORNBOOK_TOKEN must have at least {_SHORTEST_TOKEN} visible ASCII characters, and no space")
    if token is None and not _is_local(args.host):
        raise UserError(f"--host {args.host} lets other machines in: set HORNBOOK_TOKEN, at least {_SHORTEST_TOKEN} characters")
    return token


def _is_local(host):
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _listen(host, port):
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        found = socket.socket(family, kind, protocol)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
        found.listen(_BACKLOG)  # Before it is said that there is a server: who comes at once waits for the model.
    except OSError as error:
        raise UserError(f"cannot listen on --host {host} --port {port}: {error.strerror or error}") from error
    return found
