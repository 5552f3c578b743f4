"""What is raised where a document cannot be rendered as it must look; apart, since the renderer takes long to import."""


class NotRendered(Exception):
    """The page could not be set as it must be. The text says what WeasyPrint objected to; it may quote a character."""
