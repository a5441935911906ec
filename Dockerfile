# expunge from Debian's packages:
#
#   docker build -t expunge .
#   docker run --rm -v "$PWD":/work expunge run mine.toml --out runs/mine
#
# For another LibTorch, or a GPU, build by hand (HACKING.md, docs/gpu.md).
FROM debian:12-slim AS build
WORKDIR /src
COPY scripts/install-dependencies scripts/
RUN scripts/install-dependencies
COPY . .
RUN cmake --preset release -DCMAKE_INSTALL_PREFIX=/usr \
 && cmake --build build/release \
 && DESTDIR=/out cmake --install build/release --strip

FROM debian:12-slim
# What the program loads; the data set of `expunge quickstart`.
RUN apt-get update -q \
 && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
      libtorch1.13 libdnnl2 libopenblas0-openmp libfmt9 libtomlplusplus3 zlib1g libjpeg62-turbo libpng16-16 \
      dataset-fashion-mnist \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /out/usr /usr
WORKDIR /work
ENTRYPOINT ["expunge"]
CMD ["--help"]
