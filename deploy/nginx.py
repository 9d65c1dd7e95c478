"""nginx's configuration, made from the template that the container uses too."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
TEMPLATE = ROOT / "deploy" / "nginx.conf.template"
TYPES = Path("/etc/nginx/mime.types")

_VARIABLE = re.compile(r"\$\{(NGINX_\w+)\}")


def rendered(values: Mapping[str, str]) -> str:
    """The template with its variables filled in, as the container's envsubst does it. Raises
    KeyError for one that has no value."""
    return _VARIABLE.sub(lambda match: values[match[1]], TEMPLATE.read_text("utf-8"))


def for_loopback(port: int, servers: Sequence[int], folder: Path) -> str:
    """A configuration for processes on ports of this machine, with what nginx writes in `folder`."""
    return rendered(
        {
            # Its workers run as nobody else, who could not read a checkout in somebody's home.
            "NGINX_USER": "user root;" if os.geteuid() == 0 else "",
            "NGINX_FOLDER": str(folder),
            "NGINX_TYPES": str(TYPES),
            "NGINX_LISTEN": f"listen 127.0.0.1:{port};",
            "NGINX_REAL_IP": "",
            "NGINX_RESOLVER": "",
            "NGINX_SERVERS": " ".join(f"server 127.0.0.1:{at} max_fails=0;" for at in servers),
            "NGINX_SCHEME": "$scheme",
            "NGINX_STATIC": str(ROOT),
        }
    )
