# The two commands are `make run` and `make test`. `make help` lists the others.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.SILENT:
.DEFAULT_GOAL := help
.PHONY: help run test native lint types unit web browser interop bench faults faults-short soak lock clean

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/pip --disable-pip-version-check --quiet
SOURCES := server signaling recording voting tests
WEB_SOURCES := $(shell find web/src web/public web/scripts web/index.html web/vite.config.ts \
	-type f 2>/dev/null | tr ' ' '?')
LIVEKIT_VERSION := v1.13.5
MINIO_VERSION := v0.0.0-20260212201848-7aac2a2c5b7c
PYTEST := $(BIN)/pytest -q

help:
	@echo 'make run       chạy thử trên máy này (chibo demo)'
	@echo 'make test      mọi kiểm tra: định dạng, kiểu, đơn vị, tích hợp, trình duyệt'
	@echo 'make lint types unit web browser interop   từng phần của make test'
	@echo 'make bench faults soak                     đo, làm hỏng, chạy dài'
	@echo 'make lock                                  ghim lại các thư viện Python'

run: .venv/installed web/dist/index.html native
	exec $(BIN)/chibo demo $(ARGS)

# `make test` installs what it needs: system packages, libraries, the browser.
test: system .venv/installed-dev web/node_modules/.installed build/livekit-server build/pion-client native build/minio
	$(MAKE) --no-print-directory lint types unit web interop faults-short browser

# The C part of the media engine; without a compiler it says so and Python does the same work.
native: .venv/installed
	$(BIN)/python -m signaling.native.build

lint: .venv/installed-dev
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)

types: .venv/installed-dev
	$(BIN)/mypy

unit: .venv/installed-dev
	$(PYTEST) --ignore=tests/e2e --ignore=tests/interop --ignore=tests/bench --ignore=tests/faults

interop: .venv/installed-dev build/livekit-server build/pion-client build/minio
	$(PYTEST) tests/interop

browser: .venv/installed-dev web/dist/index.html
	if compgen -G 'tests/e2e/test_*.py' > /dev/null; then $(PYTEST) tests/e2e; fi

web: web/node_modules/.installed .venv/installed-dev web/dist/index.html
	cd web
	npm run --silent api
	npm run --silent check
	npm test --silent
	npm run --silent size

bench: .venv/installed-dev web/dist/index.html build/livekit-server build/bench-load native
	if [ -f tests/bench/__main__.py ]; then $(BIN)/python -m tests.bench $(ARGS); fi

faults: .venv/installed-dev web/dist/index.html
	$(BIN)/python -m tests.faults $(ARGS)

faults-short: .venv/installed-dev web/dist/index.html
	$(PYTEST) tests/faults

soak: .venv/installed-dev web/dist/index.html
	$(BIN)/python -m tests.faults --soak $(ARGS)

lock: .venv/installed-dev
	export UV_CUSTOM_COMPILE_COMMAND='make lock'
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--extra dev -c requirements.txt pyproject.toml -o requirements-dev.txt

clean:
	rm -rf .venv web/node_modules web/dist build artifacts .mypy_cache .ruff_cache .pytest_cache

# The libraries, pinned by hash. The package itself is a link to this folder: a .pth file and the
# `chibo` script, so that nothing is built or downloaded for it.
.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || {
		echo "Cần Python 3.11 trở lên; '$(PYTHON)' là $$($(PYTHON) --version 2>&1 || true)." >&2
		echo "Nếu máy có bản khác: make run PYTHON=python3.12" >&2
		exit 1
	}
	$(PYTHON) -m venv .venv || {
		echo "Không tạo được môi trường Python. Trên Debian, Ubuntu: apt install python3-venv" >&2
		exit 1
	}

define LINK_PACKAGE
$(BIN)/python - <<'END'
import pathlib, sysconfig
root = pathlib.Path.cwd()
pathlib.Path(sysconfig.get_path("purelib"), "chibo.pth").write_text(f"{root}\n")
script = root / ".venv/bin/chibo"
script.unlink(missing_ok=True)
script.write_text(f"#!{root}/.venv/bin/python\nimport sys\nfrom server.cli import main\n\nsys.exit(main())\n")
script.chmod(0o755)
END
endef

.venv/installed: requirements.txt | .venv/bin/python
	echo 'Cài thư viện Python...'
	$(PIP) install --require-hashes -r requirements.txt
	$(LINK_PACKAGE)
	touch $@

.venv/installed-dev: requirements-dev.txt requirements.txt | .venv/bin/python
	$(PIP) install --require-hashes -r requirements-dev.txt
	$(LINK_PACKAGE)
	touch $@ .venv/installed

# The web bundle, built only when something of it changed.
web/node_modules/.installed: web/package-lock.json
	@node -e 'process.exit(parseInt(process.versions.node) >= 20 ? 0 : 1)' 2>/dev/null || {
		echo "Cần Node.js 20 trở lên và npm: https://nodejs.org" >&2
		exit 1
	}
	cd web && npm ci --no-audit --no-fund --loglevel=error
	touch node_modules/.installed

web/dist/index.html: web/node_modules/.installed web/package.json $(WEB_SOURCES)
	echo 'Dựng giao diện...'
	cd web && npm run --silent build -- --logLevel warn
	touch dist/index.html

# The real LiveKit server that the interoperability tests compare with.
build/livekit-server:
	mkdir -p build
	if command -v go > /dev/null; then
		GOBIN=$(CURDIR)/build go install github.com/livekit/livekit-server/cmd/server@$(LIVEKIT_VERSION)
		mv build/server build/livekit-server
	else
		echo 'Không có Go nên không dựng được LiveKit; các kiểm tra đối chiếu cần nó sẽ báo thiếu.' >&2
	fi

# Publishers and subscribers of the media bench, compiled so that they cost less than the server.
build/bench-load: $(wildcard tests/bench/load/*.go) tests/bench/load/go.sum
	mkdir -p build
	command -v go > /dev/null || { echo 'Phép đo hình tiếng cần Go: apt install golang' >&2; exit 1; }
	cd tests/bench/load && go build -o $(CURDIR)/build/bench-load .

# A client on pion, as the Go SDK and LiveKit's own tools are; joins the mixed rooms of the tests.
build/pion-client: $(wildcard tests/interop/pion/*)
	mkdir -p build
	if command -v go > /dev/null; then
		cd tests/interop/pion && go build -o $(CURDIR)/build/pion-client .
	else
		echo 'Không có Go nên không dựng được máy khách pion; các kiểm tra cần nó sẽ báo thiếu.' >&2
	fi

# A real S3 server, for the tests of CHIBO_BLOB_URL. Several minutes, once.
build/minio:
	mkdir -p build
	if command -v go > /dev/null; then
		echo 'Dựng MinIO để thử kho S3, chỉ một lần, mất vài phút...'
		GOBIN=$(CURDIR)/build go install -ldflags='-s -w' github.com/minio/minio@$(MINIO_VERSION)
	else
		echo 'Không có Go nên không dựng được MinIO; các kiểm tra kho S3 sẽ báo thiếu.' >&2
	fi

.PHONY: system
system:
	tests/install-system-packages
