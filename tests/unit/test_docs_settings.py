"""The page of settings says what the settings say."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailsponge.config.reference import page, settings

PAGE = Path(__file__).resolve().parents[2] / "docs/reference/settings.md"


def test_the_page_is_made_from_the_settings():
    assert PAGE.read_text("utf-8") == page(), (
        "run: python -m mailsponge.config.reference > docs/reference/settings.md"
    )


@pytest.mark.parametrize("setting", list(settings()), ids=lambda setting: setting.key)
def test_every_setting_has_its_reason_and_what_leaving_it_out_means(setting):
    assert setting.about.why.endswith(".")
    assert setting.about.left_out
