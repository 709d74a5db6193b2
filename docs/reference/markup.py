"""HTML, written so that no text becomes a tag by accident."""

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

#: Where a name in the text leads, if anywhere.
Find = Callable[[str], str | None]


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def element(name: str, *inner: str, **attributes: str | None) -> Html:
    """Write an element; a plain text within it is escaped, and an attribute of None left out."""
    written = "".join(
        f' {key.rstrip("_")}="{escape(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Html(f"<{name}{written}>{joined(*inner)}</{name}>")


def joined(*parts: str) -> Html:
    """Put HTML and plain texts side by side."""
    return Html("".join(part if isinstance(part, Html) else escape(part) for part in parts))


def link(text: str, href: str) -> Html:
    """Write a link."""
    return element("a", text, href=href)


def prose(markdown: str, find: Find) -> Html:
    """Write a description or a page: Markdown without HTML, its names leading to their places."""
    return Html(_markdown(find).render(markdown))


def line(markdown: str, find: Find) -> Html:
    """Write one line of Markdown, within a paragraph of others."""
    return Html(_markdown(find).renderInline(markdown))


def first_sentence(markdown: str) -> str:
    """Give what a description begins with, for a list of many."""
    paragraph = " ".join(markdown.strip().split("\n\n")[0].split())
    sentence, stop, _ = paragraph.partition(". ")
    return sentence + stop.strip()


def anchor(heading: str) -> str:
    """Give a heading the name that links within our pages use, as GitHub does."""
    kept = [c for c in heading.strip().lower() if c.isalnum() or c in "-_ "]
    return "".join(kept).replace(" ", "-")


def _markdown(find: Find) -> MarkdownIt:
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")

    def code(_renderer: Any, tokens: Sequence[Token], index: int, *_: Any) -> str:
        text = tokens[index].content
        href = None if _in_link(tokens, index) else find(text)
        return link(element("code", text), href) if href else element("code", text)

    def heading(_renderer: Any, tokens: Sequence[Token], index: int, *_: Any) -> str:
        token = tokens[index]
        return f'<{token.tag} id="{anchor(tokens[index + 1].content)}">'

    markdown.add_render_rule("code_inline", code)
    markdown.add_render_rule("heading_open", heading)
    return markdown


def _in_link(tokens: Sequence[Token], index: int) -> bool:
    """Tell whether a link is open already: one within another would be none."""
    before = [token.type for token in tokens[:index]]
    return before.count("link_open") > before.count("link_close")
