"""Which pages of other origins may read answers (Fetch standard, CORS protocol)."""

from falcon import CORSMiddleware
from falcon.asgi import Request, Response

# Beyond those that pages may read anyhow.
_EXPOSED = (
    "Age",
    "Cache-Status",
    "Content-Disposition",
    "Content-Location",
    "ETag",
    "Idempotency-Replayed",
    "Link",
    "Location",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "WWW-Authenticate",
    "X-Cache",
    "X-Request-Id",
)


class CrossOrigin(CORSMiddleware[Request, Response]):
    """Falcon's, and says that the answer depends on who asks, which shared caches have to know."""

    def __init__(self, origins: str) -> None:
        """Take the setting: origins with spaces between, `*` for all, nothing for none."""
        super().__init__("*" if origins == "*" else origins.split(), _EXPOSED)
        self._is_for_some = origins not in ("", "*")

    async def process_response_async(self, req: Request, resp: Response, resource: object, req_succeeded: bool) -> None:
        """Set the headers."""
        if self._is_for_some:
            resp.append_header("Vary", "Origin")
        await super().process_response_async(req, resp, resource, req_succeeded)
