"""Help without Python's names for types: ``--quiet`` instead of ``--quiet <bool>``, nothing about ``<list[Path]>``."""

from typing import Any

from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

__all__ = ["PlainCommand", "PlainGroup"]


class PlainCommand(TyperCommand):
    """A command with plain help."""

    def get_params(self, ctx: Any) -> list[Any]:
        """All parameters, help included; ``ctx`` is Typer's context."""
        return _plain(super().get_params(ctx))

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The words of the usage line, without the braces Typer puts around arguments."""
        return [piece.replace("{", "").replace("}", "") for piece in super().collect_usage_pieces(ctx)]


class PlainGroup(TyperGroup):
    """A group of commands with plain help."""

    def get_params(self, ctx: Any) -> list[Any]:
        """All parameters, help included; ``ctx`` is Typer's context."""
        return _plain(super().get_params(ctx))


def _plain(params: list[Any]) -> list[Any]:
    for param in params:
        if isinstance(param, TyperArgument):
            vars(param)["display_type_rich"] = _no_type
        elif isinstance(param, TyperOption) and param.is_flag:
            param.metavar = ""
    return params


def _no_type(ctx: Any) -> None:  # noqa: ARG001  (the signature Typer calls)
    return None
