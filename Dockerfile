# The workflow with its pinned environments, made as on any other machine: by `make setup`. See docs/running.md.
# Debian 12 has Python 3.11, and is also what debootstrap makes.
FROM debian:bookworm-slim

RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates g++ make python3.11-dev python3.11-venv \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /opt/transferscope
# What is installed comes first: an edit of the workflow installs nothing again.
COPY Makefile ./
COPY envs envs/
RUN PIP_NO_CACHE_DIR=1 XDG_CACHE_HOME=/tmp/cache make setup && rm -rf /tmp/cache
COPY . .

# Any user may run it, also one without a home.
ENV PATH=/opt/transferscope/.venv/bin:$PATH XDG_CACHE_HOME=/tmp/cache MPLCONFIGDIR=/tmp/cache/matplotlib
WORKDIR /work
ENTRYPOINT ["snakemake", "--snakefile", "/opt/transferscope/Snakefile"]
