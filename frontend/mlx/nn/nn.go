// Package nn has the layers of the language for models in Go: both front ends make them
// from one definition, nn.mlx.
package nn

//go:generate go run ../internal/library nn
