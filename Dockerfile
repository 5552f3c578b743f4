# For people who have Docker. Not run by the tests: they run the same set-up, ./run, on the machine itself.
FROM debian:13-slim
WORKDIR /srv/wattbook
COPY . .
RUN apt-get update && ./run dev --help && rm -rf /var/lib/apt/lists/* ~/.cache ~/.m2
ENV PATH=/srv/wattbook/.venv/bin:$PATH
VOLUME /data
ENTRYPOINT ["wattbook"]
CMD ["dev", "up", "--folder", "/data"]
