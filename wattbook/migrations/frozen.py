"""Statements as a release had them, from a file beside the revisions: each ends with a semicolon and an empty line."""

from importlib import resources

from sqlalchemy import Connection


def statements(name: str) -> list[str]:
    """Those of versions/<name>.sql, in order, without their semicolons."""
    text = resources.files("wattbook.migrations").joinpath("versions", f"{name}.sql").read_text(encoding="utf-8")
    return [statement.strip() for statement in text.rstrip().removesuffix(";").split(";\n\n")]


def run(connection: Connection, name: str) -> None:
    """Run them as they stand: no sign in them is a parameter."""
    for statement in statements(name):
        connection.exec_driver_sql(statement, execution_options={"no_parameters": True})
