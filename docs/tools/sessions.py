"""The code of a session with the interpreter, as a reader copies it."""

from __future__ import annotations

import ast
import doctest
import html
import re

BLOCK = re.compile(r'<div class="highlight">(<pre><span></span><code>(.*?)</code></pre>)', re.S)
"""A block of code as the site's build writes it: without line numbers or a title."""


DIRECTIVE = re.compile(r" *# doctest: [^\n]*")
"""What tells the tests how to read an example; no reader needs it."""


def code(session: str) -> str:
    """What was typed, without prompts, outputs and directives: a program.

    An empty line ends each compound statement, so that it can be pasted at a prompt too.
    """
    return "".join(
        example.source + ("\n" if is_compound(example.source) else "")
        for example in doctest.DocTestParser().get_examples(DIRECTIVE.sub("", session))
    )


def is_compound(source: str) -> bool:
    """Whether code ends in a statement with a body, such as a loop or a function."""
    return hasattr(ast.parse(source).body[-1], "body")


def with_copied_code(page: str) -> str:
    """Give each session of an HTML page the text that its copy button takes.

    The theme copies the attribute ``data-copy`` of a block where there is one, else what it shows.
    """

    def with_code(block: re.Match[str]) -> str:
        shown, marked_up = block.groups()
        text = html.unescape(re.sub(r"<[^>]+>", "", marked_up))
        if not text.startswith(">>> "):
            return block[0]
        copied = html.escape(code(text)).replace("\n", "&#10;")
        return f'<div class="highlight" data-copy="{copied}">{shown}'

    return BLOCK.sub(with_code, page)
