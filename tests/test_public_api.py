"""The public interface: a change is a decision, and every name is documented."""

from __future__ import annotations

import difflib
import inspect
import re

from tests.every import every
from tests.public_api import REWRITE, ROOT, SNAPSHOT, lines, module_of, public_objects

API_PAGES = sorted((ROOT / "docs" / "api").glob("*.md"))


def test_interface_is_that_of_the_snapshot() -> None:
    kept = SNAPSHOT.read_text(encoding="utf-8").splitlines()
    now = list(lines())
    changes = difflib.unified_diff(kept, now, "tests/public_api.txt", "the code", "", "", 0, "")
    assert kept == now, "\n".join(
        ["The public interface has changed:", *changes, f"If that is meant: {REWRITE}"]
    )


def test_every_public_name_is_on_a_page_of_the_reference() -> None:
    text = "\n".join(page.read_text(encoding="utf-8") for page in API_PAGES)
    documented = re.findall(r"^::: (\S+)$", text, re.MULTILINE)
    assert len(documented) == len(set(documented))
    objects = public_objects()
    # A name may be public in two modules; one entry is enough then.
    shown = {id(located(name)) for name in documented}
    missing = [name for name, value in objects.items() if id(value) not in shown]
    assert missing == [], "Add a line '::: NAME' for each to a page in docs/api/."


def located(name: str) -> object:
    """The object of a full name, whose module may share its name with what it defines."""
    module, _, attribute = name.rpartition(".")
    return getattr(module_of(module), attribute)


@every("name", [name for name, value in public_objects().items()])
def test_public_functions_and_classes_have_a_docstring(name: str) -> None:
    value = public_objects()[name]
    if inspect.isclass(value) or inspect.isfunction(value):
        assert value.__doc__
