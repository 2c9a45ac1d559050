"""Makes pages of templates. Whatever a template shows is escaped, and freed of characters that could deceive."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from mailsponge import clean
from mailsponge.web import shipped, words
from mailsponge.web.security import csrf

HTMX: Final = "hx-request"


def environment() -> Environment:
    """Templates, ready to be rendered by any thread."""
    made = Environment(
        loader=DictLoader(dict(shipped.templates())),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_harmless,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters.update(words.FILTERS)
    made.globals.update(static=shipped.addresses().__getitem__)
    return made


def render(
    request: Request,
    template: str,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **context: Any,
) -> HTMLResponse:
    """A page. Beside ``context``, a template knows ``user`` (None for a stranger), ``rooms`` for the navigation,
    ``here`` (the path), ``now``, ``csrf()`` for forms, and ``static(name)``.
    """
    text = rendered(request, template, **context)
    return HTMLResponse(text, status, headers)


def rendered(request: Request, template: str, **context: Any) -> str:
    """The page's text, or that of a part of one."""
    state = request.scope["state"]
    found = request.app.state
    return str(
        found.templates.get_template(template).render(
            user=state.get("user"),
            rooms=found.rooms,
            here=request.url.path,
            now=found.office.clock(),
            csrf=_field_for(state),
            csrf_token=_token_for(state),
            **context,
        )
    )


def wants_fragment(request: Request) -> bool:
    """Whether htmx asks, which puts a part of a page in its place."""
    return request.headers.get(HTMX) == "true"


def _token_for(state: dict[str, Any]) -> Callable[[], str]:
    def token() -> str:
        state["shown"] = True  # so that the guard has the browser keep the cookie that the token belongs to
        return csrf.token_of(state["identity"])

    return token


def _field_for(state: dict[str, Any]) -> Callable[[], Markup]:
    token = _token_for(state)

    def field() -> Markup:
        return Markup('<input type="hidden" name="{}" value="{}">').format(csrf.FIELD, token())

    return field


def _harmless(value: Any) -> Any:
    """Text without control characters, or marks that turn the direction of writing."""
    if type(value) is not str or (value.isascii() and value.isprintable()):
        return value
    return clean.block(value)
