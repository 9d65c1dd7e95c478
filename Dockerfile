# syntax=docker/dockerfile:1
# Two images: `app` is the server, the worker and manage.py; `proxy` is nginx with the static files.

FROM python:3.13.7-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /venv
COPY requirements.txt /tmp/
RUN /venv/bin/pip install -r /tmp/requirements.txt
WORKDIR /app
COPY manage.py pyproject.toml ./
COPY supportbot supportbot
COPY chat chat
COPY tools tools
COPY templates templates
COPY static static
# The key signs nothing: it is gone with this line.
RUN mkdir staticfiles \
    && DATA_DIR=/tmp/data SECRET_KEY=only-to-collect-the-static-files-of-the-image \
       /venv/bin/python manage.py collectstatic --noinput --verbosity 0 \
    && /venv/bin/python -m compileall -q /app

FROM python:3.13.7-slim-bookworm AS app
RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin supportbot \
    && install -d -o supportbot -g supportbot /data /data/tmp
COPY --from=build /venv /venv
COPY --from=build /app /app
WORKDIR /app
ENV PATH=/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 HOME=/tmp \
    HOST=0.0.0.0 PORT=8000 DATA_DIR=/data TMPDIR=/data/tmp
USER 10001:10001
EXPOSE 8000
CMD ["python", "-m", "supportbot.production"]

FROM nginxinc/nginx-unprivileged:1.28.0-alpine AS proxy
COPY deploy/nginx.conf.template /etc/nginx/templates/nginx.conf.template
COPY --from=build /app/staticfiles /srv/static
CMD ["nginx", "-c", "/tmp/nginx.conf", "-g", "daemon off;"]
