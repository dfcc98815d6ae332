"""FastAPI, asyncpg and orjson: `uvicorn fastapi_app:app`. DATABASE_URL and TABLE (SCHEMA.NAME) say what."""

import os
from contextlib import asynccontextmanager
from typing import Annotated

import asyncpg
import orjson
from fastapi import FastAPI, Query, Request, Response

TABLE = os.environ["TABLE"]


@asynccontextmanager
async def lifespan(app: FastAPI):
    async with asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=5, max_size=5) as pool:
        app.state.pool = pool
        yield


app = FastAPI(lifespan=lifespan)


# asyncpg prepares each of these texts once a connection.
@app.get("/air")
async def page(
    request: Request,
    station: str | None = None,
    id__gte: int | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Response:
    conditions, values = [], [limit]
    for condition, value in (("station =", station), ("id >=", id__gte)):
        if value is not None:
            values.append(value)
            conditions.append(f"{condition} ${len(values)}")
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    rows = await request.app.state.pool.fetch(f"SELECT * FROM {TABLE} {where} ORDER BY id LIMIT $1", *values)
    body = {"data": [dict(row) for row in rows], "meta": {"count": len(rows), "limit": limit}}
    return Response(orjson.dumps(body), media_type="application/json")
