-- What Rowhouse needs of a PostgreSQL server: two roles without passwords, a database, a schema, and who may do what there.
-- The image postgres runs it on an empty volume; the owner of an external server runs it once with psql (docs/external.md), as a
-- superuser or as a role that may create roles and databases. --set=database=NAME for another name than rowhouse.
\set ON_ERROR_STOP on
\if :{?database}
\else
\set database rowhouse
\endif
CREATE ROLE rowhouse_loader LOGIN;
CREATE ROLE rowhouse_api LOGIN;
-- Only a superuser may act for a role that it does not belong to.
GRANT rowhouse_loader TO CURRENT_USER;
SELECT format('CREATE DATABASE %I', :'database')
  WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database') \gexec
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
-- A schema beside the one that is served is what a backup is restored into.
GRANT CONNECT, CREATE, TEMPORARY ON DATABASE :"database" TO rowhouse_loader;
GRANT CONNECT ON DATABASE :"database" TO rowhouse_api;
\connect :"database"
CREATE SCHEMA rowhouse AUTHORIZATION rowhouse_loader;
GRANT USAGE ON SCHEMA rowhouse TO rowhouse_api;
ALTER DEFAULT PRIVILEGES FOR ROLE rowhouse_loader IN SCHEMA rowhouse GRANT SELECT ON TABLES TO rowhouse_api;
