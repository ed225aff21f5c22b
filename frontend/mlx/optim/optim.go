// Package optim has the functions of the library optim of the language for models in Go,
// from optim.mlx. Its optimisers wait for parameters that a call may assign.
package optim

//go:generate go run ../internal/library optim
