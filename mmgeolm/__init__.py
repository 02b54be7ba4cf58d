"""MMGeoLM: a vision tower that was taught to see geometry, a projector and a language model, as a plain LLaVA."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmgeolm.assembly import assemble

__all__ = ["assemble"]


def __getattr__(name: str) -> Any:
    # Only on use: torch and transformers take seconds to import, and `mmgeolm --help` needs neither.
    if name == "assemble":
        from mmgeolm.assembly import assemble

        return assemble
    raise AttributeError(f"module 'mmgeolm' has no attribute {name!r}")
