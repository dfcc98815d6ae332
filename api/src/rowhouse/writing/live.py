"""Gives answers about writable datasets: like `rowhouse.answers`, but each is asked of PostgreSQL, and none is kept."""

from collections.abc import Awaitable, Callable

from falcon import HTTP_304
from falcon.asgi import Request, Response

from rowhouse.answers import Answers, Made, Question
from rowhouse.cache import Entry, NoCache, Verdict
from rowhouse.conditions import names
from rowhouse.dataset import Dataset
from rowhouse.resources import single_row
from rowhouse.store import Store
from rowhouse.values import format_value
from rowhouse.variants import Variant, choose_variant
from rowhouse.versions import Version
from rowhouse.writing.reading import WrittenRow
from rowhouse.writing.tags import state_of_row, state_of_rows


class LiveAnswers(Answers):
    """Answers that are of now.

    If-Modified-Since is passed over: within the second that it tells there may have been more than one write. Nobody
    may use an answer again without asking, whatever is set for other datasets.
    """

    # A write may come between asking for the revision and asking for the rows. Then the client gets rows that are newer
    # than their tag, and once more when it asks again.
    _STREAMED = "W/"

    def __init__(self, store: Store, build: str) -> None:
        """Take what is asked, and what tells this program's answers from those of another."""
        super().__init__(store, NoCache(Verdict.BYPASS), build, 0)

    async def send(
        self, req: Request, resp: Response, question: Question, make: Callable[[Version], Awaitable[Made]]
    ) -> None:
        """Send the answer to a question, with the tag of the revision that it is of."""
        variant = choose_variant(req, is_compressed=question.format.is_compressed)
        version = await self._store.revision(question.dataset)
        tag = self._tag(version, question, variant)
        if self._has(req, tag, version, question):
            self._describe(resp, question, version, tag)
            resp.status = HTTP_304
            return
        made = await make(version)
        # Somebody may have written meanwhile.
        self._describe(resp, question, made.version, self._tag(made.version, question, variant))
        await self._give(resp, question, made.entry, variant)

    async def send_row(self, req: Request, resp: Response, dataset: Dataset, row: WrittenRow, variant: Variant) -> None:
        """Send a row: the one that is asked for, or what a write has made of it."""
        question = Question(dataset=dataset, text=f"/{format_value(row.key)}")
        version = Version(row.revision, 1, row.changed_at)
        tag = state_of_row(dataset, row).tag(self._form(question, variant))
        self._describe(resp, question, version, tag)
        if req.method in ("GET", "HEAD") and self._has(req, tag, version, question):
            resp.status = HTTP_304
            return
        await self._give(resp, question, Entry(single_row(dataset, version, row.key, row.data)), variant)

    async def _with_version(self, question: Question, answer: Callable[[Version], Awaitable[None]]) -> None:
        await answer(await self._store.revision(question.dataset))

    def _tag(self, version: Version, question: Question, variant: Variant) -> str:
        return state_of_rows(question.dataset, version).tag(self._form(question, variant))

    def _has(self, req: Request, tag: str, version: Version, question: Question) -> bool:  # noqa: ARG002 - no date counts
        listed = req.get_header("If-None-Match")
        return listed is not None and (listed.strip() == "*" or names(listed, tag))

    def _form(self, question: Question, variant: Variant) -> str:
        return f"{self._build}:{question.format.name}:{variant.name}:{question.text}"

    async def _give(self, resp: Response, question: Question, made: Entry, variant: Variant) -> None:
        async def ready() -> Entry:
            return made

        entry = await variant.apply(ready())
        self._describe_body(resp, question, entry.coding)
        resp.set_header("X-Cache", Verdict.BYPASS)
        resp.data = entry.body
        if entry.next:
            resp.set_header("Link", f'<{entry.next}>; rel="next"')
