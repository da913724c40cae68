"""Makes this environment run the checkout's Python package, with the installed messages.

pip cannot install this package as editable, since its messages are generated. So a .pth file puts
the checkout before the installed copy, and `extend_path` in mtml_ros/__init__.py finds the rest.
"""

import sysconfig
from pathlib import Path

root = str(Path(__file__).resolve().parent.parent)
link = Path(sysconfig.get_path("purelib")) / "mtml_ros_checkout.pth"
link.write_text(f"import sys; sys.path.insert(0, {root!r})\n", encoding="utf-8")
