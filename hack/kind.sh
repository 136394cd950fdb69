#!/usr/bin/env bash
# End to end in a cluster of kind: the image, the manifests, a fake Proxmox VE and the samples.
# Needs docker, kind, kubectl and openssl. KEEP=1 leaves the cluster for a look.
set -euo pipefail
cd "$(dirname "$0")/.."

cluster=virtrigaud-e2e
endpoint=https://fakepve.fakepve.svc:8006
ca=$(mktemp)
forward=

finish() {
  # It may have ended by itself.
  [ -z "$forward" ] || kill "$forward" 2>/dev/null || :
  rm -f "$ca"
  [ "${KEEP:-}" = 1 ] || kind delete cluster --name "$cluster"
}
trap finish EXIT
# What the operator saw is the first thing to read after a failure.
trap 'kubectl get vm,providers,vmsnapshots -A -o wide; kubectl logs -n virtrigaud-system deployment/provider-proxmox --tail 50' ERR

# As the samples, for the server of this test. 02, 14 and 17 are second versions of objects of other files.
sample() { sed "s#https://127.0.0.1:8006#$endpoint#" "$1" | kubectl apply -f -; }

kind create cluster --name "$cluster" --wait 120s
docker build --target operator --tag virtrigaud-proxmox:e2e .
docker build --target fakepve --tag virtrigaud-fakepve:e2e .
kind load docker-image --name "$cluster" virtrigaud-proxmox:e2e virtrigaud-fakepve:e2e

kubectl apply -f hack/kind/fakepve.yaml
kubectl rollout status -n fakepve deployment/fakepve --timeout 120s
kubectl port-forward -n fakepve service/fakepve 18006:8006 >/dev/null &
forward=$!
for _ in $(seq 30); do
  openssl s_client -connect 127.0.0.1:18006 </dev/null 2>/dev/null | openssl x509 >"$ca" 2>/dev/null && break
  sleep 1
done

kubectl apply --server-side -f crds
kubectl wait --for=condition=Established -f crds --timeout 60s
sample deploy/samples/00-prerequisites.yaml
kubectl create configmap fakepve -n virtrigaud-system --from-file=ca.crt="$ca"
sample deploy/samples/03-credentials-env-keys.yaml
kubectl apply -k hack/kind
kubectl rollout status -n virtrigaud-system deployment/provider-proxmox --timeout 120s

for file in deploy/samples/*.yaml; do
  case $file in *00-* | *02-* | *03-* | *14-* | *17-* | *23-*) ;; *) sample "$file" ;; esac
done
kubectl wait provider --all --for=condition=Ready --timeout 120s
kubectl wait vm --all --for=condition=Ready --timeout 300s
kubectl wait vmsnapshot,vmclone --all --for=condition=Ready --timeout 120s
kubectl exec -n virtrigaud-system deployment/provider-proxmox -- \
  /nodejs/bin/node /app/virtrigaud-proxmox.mjs check --provider default/proxmox-prod

kubectl delete vm,vmsnapshotschedule,vmsnapshot,vmclone,vmplacementpolicy,vmimage,vmclass,provider --all --timeout 180s
echo 'end to end: passed'
