"""The limits of a server: who may ask, how much, and what is refused with which status."""

import dataclasses
import hmac

_OPEN = ("/", "/health")  # Without a token: the page asks for it, and who watches over servers needs none.
_LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]")


@dataclasses.dataclass(frozen=True)
class Settings:
    """Limits; what each is stands at `command.ServeArgs`, which has its defaults from here.

    Attributes:
        token: that clients must send, or None.
        local: whether only this machine can reach the server; then requests of pages of other sites are refused by their Host header.
    """

    max_megabytes: float = 16
    max_inputs: int = 1024
    max_pixels: int = 2**25
    max_waiting: int = 4096
    seconds: float = 30
    batch_size: int = 32
    token: str | None = None
    local: bool = True

    @property
    def max_bytes(self):
        """The largest body, in bytes."""
        return int(self.max_megabytes * 1e6)


class Refused(Exception):
    """A request that is answered with a status of 400 or more, and one line.

    Attributes:
        status: of HTTP.
        reason: the line.
    """

    def __init__(self, status, reason):
        super().__init__(reason)
        self.status, self.reason = status, reason


async def body(request, most):
    """The bytes of a body, read no further than the most that is accepted."""
    from starlette.requests import ClientDisconnect

    told = request.headers.get("content-length", "")
    if told.isdigit() and int(told) > most:
        raise Refused(413, f"the body has {int(told):,} bytes; accepted are {most:,}")
    found = bytearray()
    try:
        async for part in request.stream():
            found += part
            if len(found) > most:
                raise Refused(413, f"the body has more than {most:,} bytes")
    except ClientDisconnect as error:
        raise Refused(400, "the connection ended before the body did") from error
    return bytes(found)


def refuse_strangers(request, settings):
    """Refuse requests without the token, and, where only this machine is let in, those that a page of another site makes in its name."""
    host = request.headers.get("host", "").rpartition(":")[0] or request.headers.get("host", "")
    if settings.local and host not in _LOCAL_NAMES:
        raise Refused(421, "this server answers to localhost alone; pass --host and a token to hornbook serve to let others in")
    if settings.token is None or request.url.path in _OPEN:
        return
    given = request.headers.get("authorization", "").partition(" ")
    if given[0].lower() != "bearer" or not hmac.compare_digest(given[2].strip().encode(), settings.token.encode()):
        raise Refused(401, "send the server's token as Authorization: Bearer TOKEN")


def limit_pixels(most):
    """Have Pillow refuse images of more pixels in this process."""
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = most // 2  # Pillow refuses twice this, and warns before.
