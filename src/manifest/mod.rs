//! Kubernetes manifests in and out. k8s-openapi and YAML live here and nowhere else.
