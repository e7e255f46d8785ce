# The app, for a CPU or for NVIDIA GPUs:
#   docker build -t workbench .                               docker run -p 127.0.0.1:8501:8501 -v workbench:/workspace workbench
#   docker build -t workbench:cuda --build-arg VARIANT=cuda . docker run --gpus all …
# The steps are in .ci/container.sh; docs/deployment.md has more.
FROM debian:bookworm-20250520-slim

# cpu or cuda
ARG VARIANT=cpu
# 1: with the packages of requirements-scale.txt
ARG SCALE=
# Where the builds of torch for a CPU are; empty if the package index has them
ARG TORCH_CPU_INDEX=https://download.pytorch.org/whl/cpu

WORKDIR /app
COPY .ci/container.sh .ci/
RUN .ci/container.sh system
COPY requirements.txt requirements-scale.txt ./
RUN .ci/container.sh packages "$VARIANT" "$SCALE"
COPY . .
RUN .ci/container.sh app

USER workbench
# In the container every interface, or no port could be published; the host decides who reaches it.
ENV PATH=/opt/venv/bin:$PATH \
    WORKBENCH_HOME=/workspace \
    XDG_CACHE_HOME=/workspace/.cache \
    STREAMLIT_SERVER_ADDRESS=0.0.0.0 \
    PYTHONUNBUFFERED=1
VOLUME /workspace
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=90s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]
CMD ["python", "serve.py"]
