// Package loss has the losses of the language for models in Go, from loss.mlx.
package loss

//go:generate go run ../internal/library loss
