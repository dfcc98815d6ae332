"""Looks at a file and writes a first dataset.yml: the command `rowhouse inspect`. Knows nothing of the database.

source     the file: is it text, in which encoding, a sample of it
dialects   the delimiter of CSV
tables     CSV and JSON as one thing: headers, and cells below them
values     which type a column's values have
names      headers as column names, units, titles
choices    key, filters and point
draft      puts it all together as dataset.yml
"""
