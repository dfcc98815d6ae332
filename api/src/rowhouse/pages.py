"""Pages for people, each with the files that it loads, and nothing that comes from elsewhere."""

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

from falcon import MEDIA_HTML, MEDIA_JS, MEDIA_JSON
from falcon.asgi import Request, Response

from rowhouse.documents import Document, Documents
from rowhouse.methods import answer_options
from rowhouse.parameters import refuse_parameters
from rowhouse.problems import RouteNotFoundProblem

# Only what comes from here, and images within stylesheets; no script or style in the page itself, no frame around it.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_YEAR = "public, max-age=31536000, immutable"
_MEDIA = {".js": MEDIA_JS, ".css": "text/css; charset=utf-8", ".json": MEDIA_JSON}


@dataclass(frozen=True)
class Asset:
    """A file that a page loads.

    Attributes:
        read: Gives what is in it, always the same.
        content_type: The header's value.
    """

    read: Callable[[], bytes]
    content_type: str

    @classmethod
    def of_file(cls, path: Path) -> "Asset":
        """Take a file as it is; the end of its name says what it holds."""
        return cls(path.read_bytes, _MEDIA[path.suffix])


class Page:
    """A page, and what it loads below `/NAME/DIGEST/`, where each may be kept for good."""

    def __init__(self, *, path: str, html: Path, files: Callable[[], Mapping[str, Asset]]) -> None:
        """Take where the page is found, the page itself, and what makes its files known; nothing is read yet.

        Args:
            path: In URLs.
            html: The page; DIGEST in it stands for the digest.
            files: Gives them by the last part of their URLs.
        """
        self.path = path
        self._html = html
        self._files = files

    @cached_property
    def files(self) -> Mapping[str, Asset]:
        """The files; there are no others, whatever is asked for."""
        return self._files()

    @cached_property
    def digest(self) -> str:
        """Changes with any of the files."""
        digest = hashlib.sha256()
        for asset in self.files.values():
            digest.update(asset.read())
        return digest.hexdigest()[:16]

    async def document(self, headers: Mapping[str, str]) -> Document:
        """Return the page, with these headers besides its own."""
        # In a thread: the first time all files are read.
        page = await asyncio.to_thread(lambda: self._page)

        async def make() -> bytes:
            return page

        return Document(
            key=f"page:{hashlib.sha256(page).hexdigest()}",
            content_type=MEDIA_HTML,
            headers={
                "Content-Security-Policy": _POLICY,
                "Referrer-Policy": "no-referrer",
                # RFC 8631
                "Link": '</openapi.json>; rel="service-desc"; type="application/json"',
                **headers,
            },
            make=make,
        )

    @cached_property
    def _page(self) -> bytes:
        return self._html.read_bytes().replace(b"DIGEST", self.digest.encode())


class PageResource:
    """The route of a page."""

    def __init__(self, page: Page, documents: Documents) -> None:
        """Take the page."""
        self._page = page
        self._documents = documents

    async def on_get(self, req: Request, resp: Response) -> None:
        """Answer with the page."""
        refuse_parameters(req.query_string)
        await self._documents.send(req, resp, await self._page.document({}))

    on_head = on_get
    on_options = answer_options


class AssetResource:
    """/NAME/DIGEST/FILE: a file that a page loads."""

    def __init__(self, page: Page, documents: Documents) -> None:
        """Take the page that they belong to."""
        self._page = page
        self._documents = documents

    async def on_get(self, req: Request, resp: Response, digest: str, name: str) -> None:
        """Answer with the file as it is now.

        Raises:
            RouteNotFoundProblem: There is none of this name.
        """
        refuse_parameters(req.query_string)
        asset = self._page.files.get(name)
        if asset is None:
            names = ", ".join(self._page.files)
            raise RouteNotFoundProblem(
                f"{req.path} does not exist; {self._page.path} loads {names}.", routes=[self._page.path]
            )

        async def make() -> bytes:
            return await asyncio.to_thread(asset.read)

        current = await asyncio.to_thread(lambda: self._page.digest)
        document = Document(
            key=f"asset:{current}:{name}",
            content_type=asset.content_type,
            # During a rollout a page of the other release asks here: it is given what there is, but not to keep.
            cache_control=_YEAR if digest == current else "no-cache",
            make=make,
        )
        await self._documents.send(req, resp, document)

    on_head = on_get
    on_options = answer_options


def package_folder(name: str) -> Path:
    """Return where the files of a package are, without importing it."""
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"{name} is not installed")
    return Path(spec.submodule_search_locations[0])
