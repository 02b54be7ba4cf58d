"""What a script may use up."""

from dataclasses import dataclass, fields

_MIB = 1024**2


@dataclass(frozen=True)
class Limits:
    """What one script may use.

    Attributes:
        cpu_seconds: CPU time; the system counts it in whole seconds, so it is rounded up.
        wall_seconds: Time by the clock.
        memory_bytes: Address space over what Python with matplotlib maps before the script begins.
        file_bytes: Size of a file that it writes.
        total_bytes: Of all files in its folder together.
        max_files: Files and folders that it makes.
        open_files: File descriptors open at a time.
        output_chars: Characters of stdout, and of stderr, that are kept; the rest is dropped.
        max_pixels: Width times height of an image.

    Raises:
        ValueError: for a limit that is not a positive number.
    """

    cpu_seconds: float = 10
    wall_seconds: float = 20
    memory_bytes: int = 2048 * _MIB
    file_bytes: int = 16 * _MIB
    total_bytes: int = 64 * _MIB
    max_files: int = 1_000
    open_files: int = 64
    output_chars: int = 10_000
    max_pixels: int = 16_000_000

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not value > 0:
                raise ValueError(f"{field.name}={value}; a limit is a positive number.")


def amount(num_bytes: int) -> str:
    """Bytes in words: `2 GiB`, `16 MiB`, `100 bytes`."""
    for unit, size in (("GiB", 1024 * _MIB), ("MiB", _MIB), ("KiB", 1024)):
        if num_bytes >= size:
            return f"{num_bytes / size:.3g} {unit}"
    return f"{num_bytes} bytes"
