"""Django's settings, derived from the typed environment in `supportbot.env`."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import dj_database_url
import django_stubs_ext
from celery.schedules import crontab
from csp.constants import NONE, SELF
from kombu.entity import Queue

from supportbot import env, logs, secret_key

django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent
ENV, ENV_PROBLEMS = env.load()

DATA_DIR = ENV.data_dir.resolve()
DATA_DIR.mkdir(parents=True, exist_ok=True)

SECRET_KEY_IS_SET = bool(ENV.secret_key.get_secret_value())
SECRET_KEY = ENV.secret_key.get_secret_value() or secret_key.load_or_make(DATA_DIR / "secret_key")
DEBUG = ENV.debug
ALLOWED_HOSTS = ENV.allowed_hosts
ORIGINS = ENV.supportbot_origins
HOST = ENV.host
REDIS_URL = ENV.redis_url
PORT = ENV.port
DEMO = ENV.demo
EMBEDDED_WORKER = not ENV.redis_url

INSTALLED_APPS = [
    "supportbot",  # first: its `runserver` takes the place of the others'
    "supportbot.apps.DeskConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.sitemaps",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "channels",
    "supportbot.apps.LoginsConfig",
    "csp",
    "chat",
    "tools.knowledge",
    "tools.orders",
    "tools.tickets",
]

MIDDLEWARE = [
    "supportbot.health.HealthMiddleware",  # first: a container's check knows no host name and no TLS
    "django.middleware.security.SecurityMiddleware",
    "supportbot.static.StaticFilesMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_permissions_policy.PermissionsPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "supportbot.urls"
ASGI_APPLICATION = "supportbot.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# Storage -----------------------------------------------------------------------------------------

if ENV.database_url:
    DATABASES = {
        # A request runs in a thread of its own, and a connection that is kept would outlive it: the
        # pool keeps them instead.
        "default": dj_database_url.parse(ENV.database_url, conn_max_age=0)
    }
    if "postgresql" in DATABASES["default"]["ENGINE"]:
        # Django's, with a pool that gets over a restart of its server.
        DATABASES["default"]["ENGINE"] = "supportbot.postgresql"
        # A server that vanished without a word is given up before the leases end (10 s): TCP alone
        # would wait for a quarter of an hour, and hold all conversations of the process.
        DATABASES["default"]["OPTIONS"] = {
            "connect_timeout": 3,  # seconds
            "tcp_user_timeout": 8000,  # milliseconds until data sent must have been received
            "keepalives_idle": 5,  # seconds of silence; then the other side is asked
            "keepalives_interval": 2,
            "keepalives_count": 2,
            **DATABASES["default"].get("OPTIONS", {}),
        }
        DATABASES["default"]["OPTIONS"]["pool"] = {
            "min_size": 1,
            "max_size": 10,  # one for each request at work at once; PostgreSQL allows 100 in all
            "timeout": 5,  # seconds a request waits for a connection before it fails
            # Seconds in which the pool tries to reach a server that is away, at growing distances. The
            # next request begins anew: after a long outage nobody waits for a distant attempt.
            "reconnect_timeout": 5,
        }
else:
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(DATA_DIR / "db.sqlite3"),
            "CONN_MAX_AGE": None,  # the conversation's thread keeps its own; see supportbot.apps
            "OPTIONS": {
                "timeout": 20,
                # A transaction that begins as a reader and then writes cannot wait for the lock:
                # SQLite fails it at once. Beginning as a writer makes the busy timeout count.
                "transaction_mode": "IMMEDIATE",
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
            },
        }
    }
EMBEDDED_DATABASE = DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHES: dict[str, dict[str, Any]]
if ENV.redis_url:
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": ENV.redis_url,
            # A Redis that hangs must not hold a customer for the five seconds of the default.
            "OPTIONS": {"socket_timeout": 1, "socket_connect_timeout": 1},
        }
    }
else:
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
            # One entry a running turn and a signed identity: the default 300 would evict live ones.
            "OPTIONS": {"MAX_ENTRIES": 20_000},
        }
    }

STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    # Uploads that wait for their import. No URL leads to them.
    "imports": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {
            "location": DATA_DIR / "imports",
            "base_url": None,
            "file_permissions_mode": 0o600,
            "directory_permissions_mode": 0o700,
        },
    },
}

# Celery ------------------------------------------------------------------------------------------

CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True  # a task whose worker was killed is another one's
CELERY_WORKER_PREFETCH_MULTIPLIER = 1  # nothing waits behind an import while a worker is free
# A queue for each kind of work, by the first word of a task's name. A worker takes from all of them
# unless it is told otherwise (-Q chat), so that imports can have machines of their own.
CELERY_TASK_DEFAULT_QUEUE = CELERY_TASK_DEFAULT_ROUTING_KEY = "default"
CELERY_TASK_QUEUES = [Queue(name, routing_key=name) for name in ("chat", "knowledge", "default")]
CELERY_TASK_ROUTES = {f"{name}.*": {"queue": name} for name in ("chat", "knowledge")}
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any]
if ENV.redis_url:
    CELERY_BROKER_URL = ENV.redis_url
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        # Seconds until what a killed worker had is another one's. An import that takes longer is
        # delivered again and turned away by its claim.
        "visibility_timeout": 900,
        # A broker that is away must not hold a customer for longer. One that hangs is given up before
        # the leases end that wait behind it, and after the second for which workers wait for a task.
        "socket_connect_timeout": 1,
        "socket_timeout": 2,
    }
else:
    CELERY_BROKER_URL = "filesystem://localhost"
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": DATA_DIR / "queue",
        "data_folder_out": DATA_DIR / "queue",
        "control_folder": DATA_DIR / "queue-control",
        "polling_interval": 0.1,
    }
    for folder in ("queue", "queue-control"):  # kombu expects them to be there
        (DATA_DIR / folder).mkdir(exist_ok=True)

_EVERY = {
    "schedule": 10.0,
    "options": {"expires": 10},
}  # those that wait are worth no more than one
CELERY_BEAT_SCHEDULE = {
    "turns": {"task": "chat.sweep_turns", **_EVERY},
    "outbox": {"task": "chat.sweep_outbox", **_EVERY},
    "retention": {"task": "chat.delete_what_is_old", "schedule": crontab(hour=3, minute=17)},
}

# Pages -------------------------------------------------------------------------------------------

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "static/"
_COLLECTED = BASE_DIR / "staticfiles"
STATIC_ROOT = _COLLECTED if _COLLECTED.exists() else None
STATICFILES_DIRS = [BASE_DIR / "static"]
# Where nobody has run collectstatic, the files are served from where they are.
WHITENOISE_USE_FINDERS = STATIC_ROOT is None

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

# Security ----------------------------------------------------------------------------------------

HTTPS = ENV.https
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
# Who asks these is inside, at the server's own address, where nobody ends TLS.
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = ENV.supportbot_hsts_seconds if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = ENV.supportbot_hsts_subdomains
# To be in the browsers' own lists is a promise for the whole registered domain, the shop included.
# Its owner makes it, at the shop.
SILENCED_SYSTEM_CHECKS = ["security.W021"]
if ENV.supportbot_trusted_proxies:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],  # the admin's icons in style sheets are data: addresses
        "font-src": [SELF],
        "connect-src": [SELF],  # the chat's WebSocket among them
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_FAILURE_LIMIT = ENV.supportbot_login_failures
AXES_COOLOFF_TIME = timedelta(minutes=ENV.supportbot_lockout_minutes)
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # or the time that is told would not be true
AXES_RESET_ON_SUCCESS = True
AXES_CLIENT_IP_CALLABLE = "supportbot.lockout.address"
AXES_LOCKOUT_CALLABLE = "supportbot.lockout.page"
AXES_ENABLE_ADMIN = False  # supportbot.admin shows what can be acted on
AXES_VERBOSE = False  # names and addresses of staff are in the database, for staff
PERMISSIONS_POLICY: dict[str, list[str]] = {
    feature: []
    for feature in (
        "accelerometer", "browsing-topics", "camera", "display-capture", "encrypted-media",
        "fullscreen", "geolocation", "gyroscope", "hid", "magnetometer", "microphone", "midi",
        "payment", "serial", "usb", "xr-spatial-tracking",
    )
}  # fmt: skip

# The bot -----------------------------------------------------------------------------------------

SHOP_NAME = ENV.supportbot_shop_name
IDENTITY_SECRET = ENV.supportbot_identity_secret.get_secret_value() or (
    secret_key.derive(SECRET_KEY, "identity") if DEMO else ""
)
AGENT_TOOLS = ENV.supportbot_tools
KNOWLEDGE_INDEX = ENV.supportbot_knowledge_index
EMBEDDING: dict[str, Any] = {
    "model": ENV.supportbot_embedding_model,
    "api_key": (ENV.supportbot_embedding_api_key or ENV.openai_api_key).get_secret_value(),
    "base_url": ENV.supportbot_embedding_base_url or ENV.openai_base_url or None,
    "timeout": ENV.supportbot_embedding_timeout,
}
IMPORT_HTTP = ENV.supportbot_import_http
IMPORT_RATE = ENV.supportbot_import_rate
ORDER_BACKEND = ENV.supportbot_order_backend
TICKET_BACKEND = ENV.supportbot_ticket_backend
RESOLUTION_BACKEND = ENV.supportbot_resolution_backend
TURN_TIMEOUT = ENV.supportbot_turn_timeout
DRAIN_SECONDS = ENV.supportbot_drain_seconds
MAX_OUTPUT_TOKENS = ENV.supportbot_max_output_tokens
HISTORY_TOKENS = ENV.supportbot_history_tokens
PROVIDERS = ENV.providers
CONNECT_TIMEOUT = ENV.supportbot_connect_timeout
FIRST_TOKEN_TIMEOUT = ENV.supportbot_first_token_timeout
TOKEN_GAP_TIMEOUT = ENV.supportbot_token_gap_timeout
ANTHROPIC: dict[str, Any] = {
    "api_key": ENV.anthropic_api_key.get_secret_value(),
    "base_url": ENV.anthropic_base_url or None,
    "model": ENV.supportbot_anthropic_model,
    "economy_model": ENV.supportbot_anthropic_economy_model,
}
OPENAI: dict[str, Any] = {
    "api_key": ENV.openai_api_key.get_secret_value(),
    "base_url": ENV.openai_base_url or None,
    "model": ENV.supportbot_openai_model,
    "economy_model": ENV.supportbot_openai_economy_model,
}
OPENAI_COMPATIBLE: dict[str, Any] = {
    "api_key": ENV.openai_compatible_api_key.get_secret_value(),
    "base_url": ENV.openai_compatible_base_url or None,
    "model": ENV.supportbot_openai_compatible_model,
    "economy_model": ENV.supportbot_openai_compatible_economy_model,
}
RESPONSE_CACHE = ENV.supportbot_response_cache

# Money, in US dollars ----------------------------------------------------------------------------

BUDGET_CONVERSATION = ENV.supportbot_budget_conversation
BUDGET_CUSTOMER = ENV.supportbot_budget_customer
BUDGET_DAY = ENV.supportbot_budget_day
BUDGET_MONTH = ENV.supportbot_budget_month
BUDGET_SOFT = ENV.supportbot_budget_soft
PRICES = {model: price.model_dump() for model, price in ENV.supportbot_prices.items()}

# Limits; 0 for none ------------------------------------------------------------------------------

TRUSTED_PROXIES = ENV.supportbot_trusted_proxies
MESSAGES_PER_MINUTE = ENV.supportbot_messages_per_minute
MESSAGES_PER_MINUTE_IP = ENV.supportbot_messages_per_minute_ip
SESSIONS_PER_MINUTE_IP = ENV.supportbot_sessions_per_minute_ip
SOCKETS_PER_IP = ENV.supportbot_sockets_per_ip
REQUESTS_PER_MINUTE_IP = ENV.supportbot_requests_per_minute_ip

# Personal data: days, 0 for ever -----------------------------------------------------------------

RETAIN_CONVERSATIONS = ENV.supportbot_retain_conversations
RETAIN_TOOL_CALLS = ENV.supportbot_retain_tool_calls
RETAIN_TICKETS = ENV.supportbot_retain_tickets
RETAIN_USAGE = ENV.supportbot_retain_usage
RETAIN_LOGINS = ENV.supportbot_retain_logins
ERASED_TICKETS = ENV.supportbot_erased_tickets

# Telemetry ---------------------------------------------------------------------------------------

OTLP_ENDPOINT = ENV.otel_exporter_otlp_endpoint
METRICS_TOKEN = ENV.supportbot_metrics_token.get_secret_value()
REDACT_FOR_PROVIDERS = ENV.supportbot_redact_for_providers
TRACE_CONTENT = ENV.supportbot_trace_content

# Logs --------------------------------------------------------------------------------------------

LOGGING = logs.configuration(ENV.log_level, ENV.log_format)

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # wordllama's tokenizer must never look for a network
