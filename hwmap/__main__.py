"""python -m hwmap"""

from hwmap.cli import main

main()
