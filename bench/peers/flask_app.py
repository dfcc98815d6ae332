"""Flask, flask-sqlalchemy and marshmallow: `gunicorn flask_app:app`. DATABASE_URL and TABLE (SCHEMA.NAME) say what."""

import os

from flask import Flask, request
from flask_sqlalchemy import SQLAlchemy
from marshmallow_sqlalchemy import SQLAlchemyAutoSchema
from sqlalchemy import BigInteger, Boolean, Date, Double, Text

DEFAULT_LIMIT = 100
MAXIMUM_LIMIT = 1000

app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = os.environ["DATABASE_URL"].replace("postgresql:", "postgresql+psycopg2:")
database = SQLAlchemy(app)
schema, _, name = os.environ["TABLE"].partition(".")


class Measurement(database.Model):
    __tablename__ = name
    __table_args__ = {"schema": schema}

    id = database.Column(BigInteger, primary_key=True)
    date = database.Column(Date)
    station = database.Column(Text)
    latitude = database.Column(Double)
    longitude = database.Column(Double)
    pm10 = database.Column(Double)
    pm25 = database.Column(Double)
    no2 = database.Column(Double)
    o3 = database.Column(Double)
    humidity = database.Column(BigInteger)
    valid = database.Column(Boolean)
    remark = database.Column(Text)


class MeasurementSchema(SQLAlchemyAutoSchema):
    class Meta:
        model = Measurement


measurements = MeasurementSchema(many=True)


@app.get("/air")
def page():
    limit = min(request.args.get("limit", DEFAULT_LIMIT, type=int), MAXIMUM_LIMIT)
    query = database.select(Measurement)
    if station := request.args.get("station"):
        query = query.where(Measurement.station == station)
    if (start := request.args.get("id__gte", type=int)) is not None:
        query = query.where(Measurement.id >= start)
    rows = database.session.scalars(query.order_by(Measurement.id).limit(limit)).all()
    return {"data": measurements.dump(rows), "meta": {"count": len(rows), "limit": limit}}
