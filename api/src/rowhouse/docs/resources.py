"""The page and the files that it loads."""

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

from falcon import MEDIA_HTML, MEDIA_JS
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
# The package only holds files for us. Importing it would read all of them, and put them into templates of its own.
_PACKAGE = "offapi"
_CSS = "text/css; charset=utf-8"


@dataclass(frozen=True)
class Asset:
    """A file that the page loads."""

    path: Path
    content_type: str


class Assets:
    """The files that the page loads, by the last part of their URLs."""

    @cached_property
    def files(self) -> Mapping[str, Asset]:
        """The files; there are no others, whatever is asked for."""
        ours, swagger = Path(__file__).parent, _folder(_PACKAGE)
        return {
            "swagger_bundle.js": Asset(swagger / "swagger_bundle.js", MEDIA_JS),
            "swagger_style.css": Asset(swagger / "swagger_style.css", _CSS),
            "page.js": Asset(ours / "page.js", MEDIA_JS),
            "page.css": Asset(ours / "page.css", _CSS),
        }

    @cached_property
    def page(self) -> bytes:
        """The page, with the digest of all files in their URLs."""
        return (Path(__file__).parent / "page.html").read_bytes().replace(b"DIGEST", self.digest.encode())

    @cached_property
    def digest(self) -> str:
        """Changes with any of the files."""
        digest = hashlib.sha256()
        for asset in self.files.values():
            digest.update(asset.path.read_bytes())
        return digest.hexdigest()[:16]


class DocsResource:
    """/docs: the page."""

    def __init__(self, assets: Assets, documents: Documents) -> None:
        """Take what the page loads."""
        self._assets = assets
        self._documents = documents

    async def on_get(self, req: Request, resp: Response) -> None:
        """Answer with the page."""
        refuse_parameters(req.query_string)

        async def make() -> bytes:
            return page

        # In a thread: the first time all files are read.
        page = await asyncio.to_thread(lambda: self._assets.page)
        document = Document(
            key=f"docs:{hashlib.sha256(page).hexdigest()}",
            content_type=MEDIA_HTML,
            headers={
                "Content-Security-Policy": _POLICY,
                "Referrer-Policy": "no-referrer",
                # RFC 8631
                "Link": '</openapi.json>; rel="service-desc"; type="application/json"',
            },
            make=make,
        )
        await self._documents.send(req, resp, document)

    on_head = on_get
    on_options = answer_options


class AssetResource:
    """/docs/DIGEST/NAME: a file that the page loads."""

    def __init__(self, assets: Assets, documents: Documents) -> None:
        """Take the files."""
        self._assets = assets
        self._documents = documents

    async def on_get(self, req: Request, resp: Response, digest: str, name: str) -> None:
        """Answer with the file as it is now.

        Raises:
            RouteNotFoundProblem: There is none of this name.
        """
        refuse_parameters(req.query_string)
        asset = self._assets.files.get(name)
        if asset is None:
            names = ", ".join(self._assets.files)
            raise RouteNotFoundProblem(f"{req.path} does not exist; /docs loads {names}.", routes=["/docs"])

        async def make() -> bytes:
            return await asyncio.to_thread(asset.path.read_bytes)

        current = await asyncio.to_thread(lambda: self._assets.digest)
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


def _folder(package: str) -> Path:
    """Return where the files of a package are, without importing it."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"{package} is not installed")
    return Path(spec.origin).parent
