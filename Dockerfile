# One image for every process of the deployment. Packages come from uv.lock, checked against their hashes.
FROM python:3.12-slim-bookworm

RUN useradd --uid 10001 --create-home --home-dir /home/yardstick yardstick \
    && mkdir -p /opt/yardstick /var/lib/yardstick \
    && chown yardstick:yardstick /opt/yardstick /var/lib/yardstick

# uv itself, by hash (amd64 and arm64); everything else by uv.lock
RUN printf 'uv==0.13.9 \\\n  --hash=sha256:d7f459fe4fd247d830351c75686d3996ace3c6f3f728eb0e85a30b7ada0cef19 \\\n  --hash=sha256:5435c5ce14a56431208ca0996416d310f1598e8c2c8ba707688985a16bb82dbe \\\n  --hash=sha256:ecb6028d79dc96fbeafffe5c8af62a7099487ebc05a701e76714eebcffd06375\n' > /tmp/uv.txt \
    && pip install --no-cache-dir --require-hashes -r /tmp/uv.txt && rm /tmp/uv.txt

WORKDIR /opt/yardstick
USER yardstick
ENV XDG_CACHE_HOME=/opt/yardstick/.cache YARDSTICK_HOME=/var/lib/yardstick YARDSTICK_NO_DEV=1

COPY --chown=yardstick pyproject.toml uv.lock README.md LICENSE ./
COPY --chown=yardstick scripts/ scripts/
COPY --chown=yardstick src/ src/
RUN ./scripts/yardstick --version
COPY --chown=yardstick dags/ dags/
COPY --chown=yardstick dbt_project/ dbt_project/
COPY --chown=yardstick expectations/ expectations/
COPY --chown=yardstick sites/ sites/

ENTRYPOINT ["/opt/yardstick/scripts/serve"]
