"""What a browser may do with an answer: load from here, run no script but our files, be framed by nobody."""

from __future__ import annotations

from typing import Final

CSP_REPORTS: Final = "/csp-report"

CSP: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-src 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        f"report-uri {CSP_REPORTS}",
    )
)
"""https://www.w3.org/TR/CSP3/. A page that needs another one (a mail's own document) sends its own."""

HEADERS: Final = {
    "content-security-policy": CSP,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=(), interest-cohort=()",
    # Not "no-referrer": with it, browsers hide the Origin of our own forms, too.
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cache-control": "no-store",
}
"""Sent with every answer that does not say otherwise itself."""
HSTS: Final = "max-age=31536000"
"""Within TLS: from now on, never without (RFC 6797)."""
