"""`python -m mmgeolm`, the same as `mmgeolm`."""

from mmgeolm.cli import main

main()
