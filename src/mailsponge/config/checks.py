"""What settings mean together: a configuration that would betray somebody's password does not start, for one."""

from __future__ import annotations

from collections.abc import Callable

from mailsponge.config.lines import dotted
from mailsponge.config.settings import Config
from mailsponge.errors import ConfigError


def check(config: Config, at: Callable[..., str]) -> None:
    """Refuse what cannot be together; ``at(*path)`` says where a setting stands. Raises ConfigError."""
    if config.tls.certificate is None:
        _check_without_tls(config, at)
    _check_admins(config, at)
    if config.queue.first_retry > config.queue.longest_retry:
        raise ConfigError(
            f"{at('queue', 'first_retry')} is {config.queue.first_retry}, longer than queue.longest_retry, "
            f"which is {config.queue.longest_retry}: make one of them fit the other"
        )


def _check_admins(config: Config, at: Callable[..., str]) -> None:
    for name in config.web.admins:
        if name not in config.users:
            raise ConfigError(
                f"{at('web', 'admins')} names {name}, who is no user here: "
                f"name one of {', '.join(config.users)}, or add [users.{dotted((name,))}]"
            )


def _check_without_tls(config: Config, at: Callable[..., str]) -> None:
    if config.tls.key is not None:
        raise ConfigError(
            f"{at('tls', 'key')} is set and tls.certificate is not: name the certificate it belongs to"
        )
    if config.submission.listen_tls:
        raise ConfigError(
            f"{at('submission', 'listen_tls')} needs a certificate: set tls.certificate and tls.key"
        )
    for endpoint in config.submission.listen:
        if not endpoint.is_loopback:
            raise ConfigError(
                f"{at('submission', 'listen')} has {endpoint}, where passwords would cross the network in the clear: "
                "set tls.certificate and tls.key, or listen on 127.0.0.1 and [::1] alone"
            )
    for endpoint in config.web.listen:
        if not endpoint.is_loopback:
            raise ConfigError(
                f"{at('web', 'listen')} has {endpoint}, where passwords and mail would cross the network in the "
                "clear: set tls.certificate and tls.key, or listen on 127.0.0.1 and [::1] alone"
            )
