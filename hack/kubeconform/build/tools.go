//go:build tools

// Package tools keeps the command that is built here in go.mod.
package tools

import _ "github.com/yannh/kubeconform/cmd/kubeconform"
