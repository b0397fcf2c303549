//go:build tools

// Package engine pins the version of the Pulumi CLI that is built where none is installed.
package engine

import _ "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
