// Package prelude has the functions of the language that are not ops of the table for models
// in Go: both front ends make them from one definition, prelude.mlx.
package prelude

//go:generate go run ../internal/library prelude
