"""The limits of a server, and what is refused with which status."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Settings:
    """Limits; what each is stands at `command.ServeArgs`.

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
