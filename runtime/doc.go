// Package runtime runs compiled models: arrays in memory outside the Go heap,
// checkpoints that are mapped rather than read, and sessions that replay the
// plans of a generated package.
//
// A generated package is a table, Program, and typed wrappers of what is here:
//
//	m, err := runtime.Load(&program, "digits.safetensors")
//	s, err := m.NewSession()
//	out, err := s.Call(ctx, 0, image)
//
// A call in steady state, that is with the sizes of the call before it, neither
// allocates nor copies.
package runtime
