"""What every route that is only read has besides GET. HEAD is GET; falcon leaves the body out."""

from falcon import HTTP_204
from falcon.asgi import Request, Response


async def answer_options(_self: object, _req: Request, resp: Response, **_params: str) -> None:
    """Answer OPTIONS with the methods that there are."""
    resp.status = HTTP_204
    resp.set_header("Allow", "GET, HEAD, OPTIONS")
