# `make help` lists the targets; `make test` runs everything that can be tested without a container engine.
SHELL := /bin/bash
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# The Node 24 from npm takes precedence over the machine's own Node, if npm has one for this platform.
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
JEST := NODE_OPTIONS=--experimental-vm-modules jest
# Additional arguments for the program that a target runs: make unit ARGS='--watch test/unit/lib'
ARGS ?=
IMAGE ?= virtrigaud-proxmox:dev

##@ Start
.PHONY: help
help: ## Print this list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: node_modules/.package-lock.json ## Install the npm packages if package-lock.json has changed
	@node --eval 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 22 || (a === 22 && b >= 20) ? 0 : 1)' 2>/dev/null || \
	  { echo "Node 22.20 or newer is needed; this machine has $$(node --version 2>/dev/null || echo none), and npm has none for its platform. See https://nodejs.org" >&2; exit 1; }

# npm writes this file at the end of each install, so it serves as a stamp. It may run with another Node, of which it
# would warn at length.
node_modules/.package-lock.json: package-lock.json
	@command -v npm >/dev/null || { echo "npm is needed: install Node.js (any version with npm 10 or newer), see https://nodejs.org" >&2; exit 1; }
	npm ci --loglevel=error

##@ Write
.PHONY: build
build: setup ## Bundle the operator into dist/
	npm run -s build

.PHONY: generate
generate: setup ## Regenerate the generated files
	npm run -s generate

.PHONY: fmt
fmt: setup ## Format all files
	npm run -s format

##@ Check
.PHONY: test
test: setup ## Run everything: verify, unit and integration tests
	@node hack/test.ts $(ARGS)

.PHONY: verify
verify: setup ## Check generated files, format, lint rules and types
	@node hack/test.ts verify

.PHONY: lint
lint: setup ## Run ESLint and check the import rules
	npm run -s lint

.PHONY: typecheck
typecheck: setup ## Check the types
	npm run -s typecheck

.PHONY: unit
unit: setup ## Run the unit tests (ARGS are passed to jest)
	$(JEST) --selectProjects unit $(ARGS)

.PHONY: integration
integration: setup ## Run the integration tests (ARGS are passed to jest)
	$(JEST) --selectProjects integration --maxWorkers 5 $(ARGS)

##@ Run
.PHONY: check
check: setup ## Test a connection to Proxmox VE and say what is missing (ARGS='--provider NAME', or the PVE_* variables)
	@node src/cmd/main.ts check $(ARGS)

.PHONY: demo
demo: setup ## Run the operator against the fake Proxmox VE, with the samples (ONCE=1: check, clean up, exit; REQUESTS=FILE: log requests)
	@node hack/demo.ts $(if $(filter 1,$(ONCE)),--once) $(if $(REQUESTS),--requests $(REQUESTS)) $(ARGS)

.PHONY: control-plane
control-plane: setup ## Start an API server until Ctrl-C and print its KUBECONFIG
	@node hack/control-plane/cli.ts $(ARGS)

.PHONY: fake-pve
fake-pve: setup ## Start the fake Proxmox VE until Ctrl-C (ARGS are passed to it)
	@npm run -s fakepve -- $(ARGS)

.PHONY: measure
measure: setup ## Measure creation, the cost of idle VMs and the operator's footprint (ARGS='--many 200')
	@node hack/measure.ts $(ARGS)

.PHONY: campaign
campaign: setup ## Make random changes to all kinds against the fake Proxmox VE, and judge what becomes of them (ARGS='--seed TEXT')
	@node test/campaign/campaign.ts $(ARGS)

.PHONY: chaos
chaos: setup ## The same with kills, faults, and changes that somebody makes in Proxmox VE
	@node test/campaign/campaign.ts --incidents $(ARGS)

.PHONY: scale
scale: setup ## Start the operator among thousands of settled VMs, and measure what they cost (ARGS='--vms 10000 --goals')
	@node test/performance/scale/scale.ts $(ARGS)

.PHONY: loadtest
loadtest: setup ## Run virtrigaud-loadgen against the fake Proxmox VE (ARGS='--scenarios FILE'; reports in dist/loadtest)
	@node hack/loadtest.ts $(ARGS)

##@ Ship
.PHONY: cli
cli: setup ## Bundle the kubectl plugins into dist/kubectl
	node hack/bundle.ts kubectl

.PHONY: cli-executables
cli-executables: setup ## Make executables of kubectl vm that need no Node.js, and its Krew manifest
	node hack/executables.ts

.PHONY: image
image: ## Build the container image (IMAGE sets its name)
	docker build --target operator --tag $(IMAGE) .

.PHONY: e2e
e2e: ## Test the image and the manifests in a cluster of kind, with a fake Proxmox VE (KEEP=1: leave the cluster)
	hack/kind.sh

.PHONY: site
site: setup ## Build the pages into a web site in dist/site
	cd hack/site && npm ci --loglevel=error && npx vitepress build .

.PHONY: release-check
release-check: setup ## Check that everything names the version of a release (TAG=v1.2.3)
	@node hack/release.ts --tag "$(TAG)"

.PHONY: release-files
release-files: setup ## Write manifests, chart and notes of a release to dist/release (IMAGE=… DIGEST=sha256:…)
	@node hack/release.ts --image "$(IMAGE)" --digest "$(DIGEST)"

.PHONY: pin-images
pin-images: setup ## Write the current digests of the base images into the Dockerfile
	@node hack/pin-images.ts

.PHONY: audit
audit: setup ## Look for known vulnerabilities in the npm packages, and verify their signatures
	npm audit --omit=dev
	npm audit --audit-level=high
	npm audit signatures

.PHONY: clean
clean: ## Remove build output and node_modules; caches outside the checkout stay
	rm -rf dist coverage node_modules
