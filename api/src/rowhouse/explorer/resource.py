"""The route `/`."""

from collections.abc import Iterable
from dataclasses import dataclass

from falcon import MEDIA_JSON
from falcon.asgi import Request, Response

from rowhouse.dataset import Dataset
from rowhouse.documents import Document, Documents
from rowhouse.explorer.index import index
from rowhouse.jsontext import dump
from rowhouse.methods import answer_options
from rowhouse.negotiation import choose_media
from rowhouse.overview import Overview
from rowhouse.pages import Page
from rowhouse.parameters import refuse_parameters
from rowhouse.problems import NotAcceptableProblem
from rowhouse.store import Store


@dataclass(frozen=True)
class _Offer:
    media_type: str


# Who takes anything is a program: browsers name HTML.
_JSON = _Offer("application/json")
_HTML = _Offer("text/html")
_OFFERS = (_JSON, _HTML)


class RootResource:
    """/: the page for those who name HTML in Accept, the index for all others."""

    def __init__(self, datasets: Iterable[Dataset], store: Store, documents: Documents, page: Page) -> None:
        """Show these datasets."""
        self._overview = Overview(datasets, store)
        self._documents = documents
        self._page = page

    async def on_get(self, req: Request, resp: Response) -> None:
        """Answer with either.

        Raises:
            NotAcceptableProblem: The client takes neither.
        """
        refuse_parameters(req.query_string)
        offer = choose_media(req.get_header("Accept"), _OFFERS)
        if offer is None:
            available = [offer.media_type for offer in _OFFERS]
            raise NotAcceptableProblem(f"Accept takes none of {', '.join(available)}.", available=available)
        resp.append_header("Vary", "Accept")
        if offer is _HTML:
            await self._documents.send(req, resp, await self._page.document({}))
        else:
            await self._documents.send(req, resp, self._index())

    on_head = on_get
    on_options = answer_options

    def _index(self) -> Document:
        datasets = self._overview.datasets
        # One without rows is named all the same.
        versions = self._overview.versions(datasets)

        async def make() -> bytes:
            return dump(index(datasets, versions))

        return Document(
            key=f"index:{self._overview.key(versions)}",
            content_type=MEDIA_JSON,
            # RFC 8631
            headers={"Link": '</openapi.json>; rel="service-desc", </docs>; rel="service-doc"'},
            make=make,
        )
