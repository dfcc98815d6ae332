"""Which format a request is answered in: its suffix says so, else Accept, else it is JSON."""

from falcon.asgi import Request

from rowhouse.formats import CSV, GEOJSON, JSON, NDJSON, Format, Selection
from rowhouse.negotiation import choose_media
from rowhouse.parquet import PARQUET
from rowhouse.problems import FormatUnavailableProblem, NotAcceptableProblem, UnknownFormatProblem
from rowhouse.suggest import did_you_mean

# In the order in which they are told, and chosen among equals.
FORMATS: tuple[Format, ...] = (JSON, CSV, NDJSON, GEOJSON, PARQUET)
# What most clients send. The first format can write every selection.
_SURELY_JSON = (None, "*/*", JSON.media_type)


def choose_format(req: Request, selection: Selection, suffix: str | None) -> Format:
    """Return the format.

    Raises:
        UnknownFormatProblem: No format has the suffix.
        FormatUnavailableProblem: The one that has cannot write this selection.
        NotAcceptableProblem: Accept takes none of those that can.
    """
    if suffix is not None:
        return _named(suffix, selection)
    if req.get_header("Accept") in _SURELY_JSON:
        return JSON
    possible = [form for form in FORMATS if not form.obstacle(selection)]
    obstacles = [f" {form.media_type}: {form.obstacle(selection)}" for form in FORMATS if form not in possible]
    return _accepted(req, possible, "".join(obstacles))


def require_json(req: Request) -> None:
    """Refuse a client that does not take JSON, on a route that has nothing else.

    Raises:
        NotAcceptableProblem: It does not.
    """
    _accepted(req, [JSON], "")


def _accepted(req: Request, possible: list[Format], more: str) -> Format:
    chosen = choose_media(req.get_header("Accept"), possible)
    if chosen is None:
        available = [form.media_type for form in possible]
        raise NotAcceptableProblem(f"Accept takes none of {', '.join(available)}.{more}", available=available)
    return chosen


def _named(suffix: str, selection: Selection) -> Format:
    for form in FORMATS:
        if form.name == suffix:
            if obstacle := form.obstacle(selection):
                raise FormatUnavailableProblem(f".{suffix} cannot be given. {obstacle}")
            return form
    suffixes = [f".{form.name}" for form in FORMATS]
    near = did_you_mean(f".{suffix}", suffixes)
    raise UnknownFormatProblem(f".{suffix} is no format; there is {', '.join(suffixes)}.{near}", available=suffixes)
