"""Every format that an export can have."""

from __future__ import annotations

import pytest

from tests.modcog.exporting.exports import LIBRARIES


@pytest.fixture(params=LIBRARIES)
def suffix(request: pytest.FixtureRequest) -> str:
    pytest.importorskip(LIBRARIES[request.param])
    return request.param
